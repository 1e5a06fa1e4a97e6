import { dirname } from 'node:path/posix';
import { join, relative, resolve, sep } from 'node:path';
import { ownFolder } from '@image-factory/adapters/git/source-location.ts';
import { createSources } from '@image-factory/adapters/git/sources.ts';
import type { Source } from '@image-factory/core/enrolment/types.ts';
import { workflowSource } from '@image-factory/core/rebuild/workflow-source.ts';
import { FactoryError, type Problem } from '@image-factory/core/problem.ts';
import {
  planCallers,
  workflowPlaces,
  type CallerFile,
  type WorkflowLook,
  type WorkflowPlace,
} from '@image-factory/core/workflows/plan-callers.ts';
import type { Answer } from '../answer.ts';
import { loadConfig } from '../config-files.ts';
import type { Flags } from '../flags.ts';
import type { GlobalOptions } from '../global-options.ts';
import type { Io } from '../io.ts';
import { unknownName } from '../names.ts';
import { placesOf } from '../places.ts';
import { ProblemsError } from '../problems-error.ts';
import type { Style } from '../render/style.ts';
import { clockOf } from '../system-clock.ts';
import { writeFiles } from '../write-files.ts';

/** Makes the workflow files of images whose repository has none, and prints or writes them; it commits nothing anywhere. */
export async function workflows(
  options: GlobalOptions,
  io: Io,
  names: readonly string[],
  flags: Flags,
): Promise<Answer> {
  const githubBuild = addressOf(
    flags,
    'githubBuild',
    /^[\w.-]+\/[\w.-]+\/\.github\/workflows\/[\w.-]+\.ya?ml@[\w./-]+$/,
  );
  const gitlabComponent = addressOf(flags, 'gitlabComponent', /^[\w.$-]+(?:\/[\w.-]+){2,}@[\w.~-]+$/);
  const loaded = await loadConfig(options.dir);
  if (!loaded.ok) throw new ProblemsError(loaded.error);
  const config = loaded.value;
  const all = config.images.map(({ name }) => name);
  for (const name of names) if (!all.includes(name)) throw new FactoryError(unknownName(name, all));
  const places = workflowPlaces(config).filter(
    ({ image }) => names.length === 0 || names.includes(image.name),
  );
  const factoryDir = resolve(io.cwd, options.dir);
  const looks = await lookAt(places, options, io);
  const { images, files } = planCallers(looks, {
    settings: config.settings.providers,
    githubBuild,
    gitlabComponent,
    factoryFolder: relative(ownFolder(factoryDir), factoryDir).split(sep).join('/') || '.',
  });
  const into = flags['write'];
  const written =
    typeof into === 'string'
      ? await writeFiles(
          resolve(io.cwd, into),
          files.map((file) => ({ path: join(folderOf(file), file.path), text: file.text })),
          flags['force'] === true,
        )
      : undefined;
  return {
    value: { images, files, ...(written === undefined ? {} : { written }) },
    text: (style) =>
      [
        ...images.map((found) => `${found.image}  ${statusText(found, style)}\n`),
        ...(written === undefined
          ? files.map((file) => `\n${style.dim(`--- ${folderOf(file)}/${file.path}`)}\n${file.text}`)
          : written.map(({ path, change }) => `${change === 'same' ? 'unchanged' : 'wrote'} ${path}\n`)),
        ...(images.length === 0
          ? ['no image is built by a CI system that has workflows of this kind\n']
          : []),
      ].join(''),
    problems: images.flatMap(({ status, problem }): readonly Problem[] =>
      status === 'refused' && problem ? [problem] : [],
    ),
  };
}

function statusText(
  {
    status,
    repository,
    path,
    problem,
  }: { status: string; repository: string; path: string; problem?: Problem },
  style: Style,
): string {
  const where = `${path} of ${repository}`;
  if (status === 'there') return style.dim(`has ${where}`);
  if (status === 'other')
    return style.warn(
      `has ${where}, which does not take the factory's inputs or leaves the image out: docs/workflows.md`,
    );
  if (status === 'made') return `gets ${where}`;
  if (status === 'unknown')
    return style.warn(`gets ${where}; whether it is there already is not known: ${problem?.message ?? ''}`);
  return style.bad(`gets none: ${problem?.message ?? ''}`);
}

/** Each file as its repository has it, read as Dockerfiles are. */
async function lookAt(
  places: readonly WorkflowPlace[],
  options: GlobalOptions,
  io: Io,
): Promise<readonly (WorkflowPlace & { readonly look: WorkflowLook })[]> {
  const sources = createSources({
    factoryDir: resolve(io.cwd, options.dir),
    cacheDir: join(placesOf(options.dir, io).git, 'sources'),
    clock: clockOf(io),
    environment: io.env,
  });
  try {
    const found = await sources.read(
      places.map(({ image: { source }, path }) => fileAt(workflowSource(source, undefined), path)),
    );
    return await Promise.all(
      places.map(async (place, index) => {
        const file = found[index];
        const text = file?.ok ? await file.value.text() : file;
        if (!text) throw new Error(`nothing was read for ${place.image.name}`);
        if (text.ok) return { ...place, look: { kind: 'there' as const, text: text.value } };
        const look: WorkflowLook =
          text.error.code === 'DOCKERFILE_MISSING'
            ? { kind: 'missing' }
            : { kind: 'unknown', problem: text.error };
        return { ...place, look };
      }),
    );
  } finally {
    sources.close();
  }
}

/** A file of a repository, as a Dockerfile would be. */
function fileAt({ provider, repo, branch }: Source, path: string): Source {
  const build = { target: undefined, buildArgs: {}, workflow: undefined };
  return { provider, repo, branch, dockerfile: path, context: dirname(path), ...build };
}

/** A folder for the repository below the one that is written to: its name, and the branch where one is enrolled. */
function folderOf({ repository, branch }: CallerFile): string {
  const name = repository
    .replace(/^[A-Za-z][\w+.-]*:\/\/(?:[^/@]*@)?/, '')
    .replace(/^[\w.-]+@/, '')
    .replace(/\.git\/?$/, '')
    .replaceAll(/[^\w.-]+/g, '/')
    .split('/')
    .filter((part) => part !== '' && !/^\.+$/.test(part))
    .join('/');
  const folder = name === '' ? 'factory' : name;
  return branch === undefined ? folder : `${folder}@${branch.replaceAll(/[^\w.-]+/g, '-')}`;
}

function addressOf(flags: Flags, name: string, form: RegExp): string | undefined {
  const value = flags[name];
  if (typeof value !== 'string') return undefined;
  if (value.length <= 500 && form.test(value)) return value;
  throw new FactoryError({
    code: 'USAGE',
    message: `"${value.slice(0, 200)}" is not the address of a build`,
    hint:
      name === 'githubBuild'
        ? 'Write owner/name/.github/workflows/build-image.yml@COMMIT.'
        : 'Write host/group/project/build-image@VERSION; the host may be $CI_SERVER_FQDN.',
  });
}
