import { withImages, type KustomizeImageEntry } from '../kustomize-images.ts';
import { writeFile } from './files.ts';
import { checkConfig, cleanPath, ConfigRefused, treeOf, type StepRunner } from './step-run.ts';

interface SetImage {
  readonly image: string;
  readonly name?: string;
  readonly newName?: string;
  readonly tag?: string;
  readonly digest?: string;
}

const fileNames = ['kustomization.yaml', 'kustomization.yml', 'Kustomization'];

/** Source: kargo.md section 2, "kustomize-set-image"; kargo v1.11, kustomize_image_setter.go. */
export const runKustomizeSetImage: StepRunner = (input) => {
  const { config, promotion } = input;
  checkConfig(config, { path: 'text!', images: 'list' });
  if (config['images'] === undefined)
    throw new Error('kustomize-set-image without images is not known to this interpreter');
  const images = config['images'] as readonly SetImage[];
  for (const image of images) checkImage(image);
  const folder = cleanPath(config['path'] as string);
  const { tree } = treeOf(promotion, folder) ?? {};
  const found = fileNames.filter((name) => {
    const within = treeOf(promotion, `${folder}/${name}`)?.within;
    return within !== undefined && tree?.files.has(within) === true;
  });
  const [name, another] = found;
  if (name === undefined || another !== undefined)
    return { status: 'Errored', error: `${folder} has ${found.length} kustomizations, and not one` };
  const path = `${folder}/${name}`;
  const text = tree?.files.get(treeOf(promotion, path)?.within ?? '') ?? '';
  const written = withImages(
    text,
    images.map(({ image, name: own, newName, tag, digest }): KustomizeImageEntry => ({
      name: own === undefined || own === '' ? image : own,
      ...(newName === undefined ? {} : { newName }),
      ...(digest === undefined || digest === '' ? { newTag: tag } : { digest }),
    })),
  );
  if (typeof written !== 'string') return { status: 'Errored', error: `${path}: ${written.error}` };
  writeFile(input, path, written);
  return { status: 'Succeeded', output: { commitMessage: `Updated ${folder} to use new image` } };
};

function checkImage(image: SetImage): void {
  checkConfig(image as unknown as Record<string, unknown>, {
    image: 'text!',
    name: 'text',
    newName: 'text',
    tag: 'text',
    digest: 'text',
  });
  const isSet = (value: string | undefined): boolean => value !== undefined && value !== '';
  if (isSet(image.tag) === isSet(image.digest))
    throw new ConfigRefused(`${image.image}: expected a tag or a digest, and not both`);
}
