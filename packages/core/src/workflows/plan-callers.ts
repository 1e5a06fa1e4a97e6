import { usualWorkflow } from '../rebuild/dispatch.ts';
import type { FactoryConfig, ManagedEnrolment, Provider, Settings } from '../enrolment/types.ts';
import type { Problem } from '../problem.ts';
import { valuesOf, giteaCaller, githubCaller, gitlabCaller, type CalledBuild } from './callers.ts';
import { workflowSource } from '../rebuild/workflow-source.ts';
import { isExpression } from './quoted.ts';
import type { CallerPlaces } from './upstream-values.ts';
import { buildWorkflow, localBuilds } from './ready-made.ts';

/** What is known of the workflow file of an image. */
export type WorkflowLook =
  | { readonly kind: 'there'; readonly text: string }
  | { readonly kind: 'missing' }
  /** It cannot be read, and so nobody knows. */
  | { readonly kind: 'unknown'; readonly problem: Problem };

/** Where the workflow of an image is looked for, and written. */
export interface WorkflowPlace {
  readonly image: ManagedEnrolment;
  /** Path in the repository. */
  readonly path: string;
}

export type CallerStatus =
  /** Its workflow is there and takes what the factory gives. */
  | 'there'
  /** Its workflow is there and does not name the factory's inputs: to be mended by hand. */
  | 'other'
  /** A caller was made. */
  | 'made'
  /** Made all the same, because the repository cannot be read. */
  | 'unknown'
  /** Cannot be made; the problem says why. */
  | 'refused';

interface ImageCaller {
  readonly image: string;
  readonly repository: string;
  readonly path: string;
  readonly status: CallerStatus;
  readonly problem?: Problem;
}

/** A file for a repository. */
export interface CallerFile {
  readonly provider: Provider;
  readonly repository: string;
  /** Undefined: the default branch. */
  readonly branch: string | undefined;
  readonly path: string;
  /** Empty for what the callers call. */
  readonly images: readonly string[];
  readonly text: string;
}

export interface CallerPlan {
  readonly images: readonly ImageCaller[];
  readonly files: readonly CallerFile[];
}

interface CallerOptions {
  readonly settings: Settings['providers'];
  /** `owner/name/.github/workflows/build-image.yml@commit`; undefined: the build is written beside its callers. */
  readonly githubBuild: string | undefined;
  /** Address of a component with its version; undefined: the build is written beside its callers. */
  readonly gitlabComponent: string | undefined;
  /** The factory directory as a path in its repository. @default `.` */
  readonly factoryFolder?: string;
}

const folders: Readonly<Partial<Record<Provider, string>>> = {
  github: '.github/workflows',
  gitea: '.gitea/workflows',
  forgejo: '.forgejo/workflows',
};

/** The images that a CI system builds, each with the file that starts its build. */
export function workflowPlaces({ images }: Pick<FactoryConfig, 'images'>): readonly WorkflowPlace[] {
  return images.flatMap((image): readonly WorkflowPlace[] => {
    if (image.kind !== 'managed') return [];
    const { provider, workflow } = image.source;
    if (provider === 'gitlab') return [{ image, path: '.gitlab-ci.yml' }];
    const folder = folders[provider];
    if (folder === undefined) return [];
    const file = (workflow ?? usualWorkflow).replace(/^\.(?:github|gitea|forgejo)\/workflows\//, '');
    return [{ image, path: `${folder}/${file}` }];
  });
}

/** Callers for the images that have none. Images of one repository with one workflow file share it. */
export function planCallers(
  looks: readonly (WorkflowPlace & { readonly look: WorkflowLook })[],
  options: CallerOptions,
): CallerPlan {
  const images: ImageCaller[] = [];
  const groups = new Map<string, WorkflowPlace[]>();
  const callerPlaces = { providers: options.settings, factoryFolder: options.factoryFolder ?? '.' };
  for (const { image, path, look } of looks) {
    const found = { image: image.name, repository: repositoryOf(image).repo, path };
    const problem = mistakeOf(image, path, callerPlaces);
    if (look.kind === 'there') {
      // A file that several images share names each of them.
      const shared = looks.filter((other) => groupOf(other) === groupOf({ image, path })).length > 1;
      const fits =
        look.text.toLowerCase().includes('factory_key') && (!shared || look.text.includes(image.name));
      images.push({ ...found, status: fits ? 'there' : 'other' });
      continue;
    }
    if (problem) {
      images.push({ ...found, status: 'refused', problem });
      continue;
    }
    images.push(
      look.kind === 'missing'
        ? { ...found, status: 'made' }
        : { ...found, status: 'unknown', problem: look.problem },
    );
    const key = groupOf({ image, path });
    groups.set(key, [...(groups.get(key) ?? []), { image, path }]);
  }
  const files = [...groups.values()].flatMap((group) => filesOf(group, options, callerPlaces));
  return {
    images,
    files: [
      ...new Map(files.map((file) => [`${file.repository}\n${file.branch}\n${file.path}`, file])).values(),
    ],
  };
}

function groupOf({ image, path }: WorkflowPlace): string {
  const { repo, branch } = repositoryOf(image);
  return JSON.stringify([image.source.provider, repo, branch, path]);
}

/** Where the workflow is, as enrolled. */
function repositoryOf({ source }: ManagedEnrolment): {
  readonly repo: string;
  readonly branch: string | undefined;
} {
  return workflowSource(source, undefined);
}

function filesOf(
  places: readonly WorkflowPlace[],
  options: CallerOptions,
  callerPlaces: CallerPlaces,
): readonly CallerFile[] {
  const [first] = places;
  if (!first) return [];
  const { path } = first;
  const { provider } = first.image.source;
  const { repo, branch } = repositoryOf(first.image);
  const images = places.map(({ image }) => image.name);
  const builds = places.flatMap(({ image }): readonly CalledBuild[] => {
    const values = valuesOf(image, callerPlaces);
    return values.ok ? [{ name: image.name, values: values.value }] : [];
  });
  const caller = (text: string): CallerFile => ({ provider, repository: repo, branch, path, images, text });
  const local = (kind: keyof typeof localBuilds): CallerFile => ({
    provider,
    repository: repo,
    branch,
    path: localBuilds[kind],
    images: [],
    text: buildWorkflow(kind),
  });
  const { githubBuild, gitlabComponent, settings } = options;
  if (provider === 'github') {
    const type = path
      .replace(/^.*\//, '')
      .replace(/\.ya?ml$/, '')
      .slice(0, 100);
    const event =
      settings.github.start === 'workflow_dispatch'
        ? ({ kind: 'workflow_dispatch' } as const)
        : ({ kind: 'repository_dispatch', type } as const);
    const uses = githubBuild ?? `./${localBuilds.github}`;
    return [
      caller(githubCaller(builds, { uses, event })),
      ...(githubBuild === undefined ? [local('github')] : []),
    ];
  }
  if (provider === 'gitlab') {
    const include =
      gitlabComponent === undefined ? `local: /${localBuilds.gitlab}` : `component: ${gitlabComponent}`;
    return [
      caller(gitlabCaller(builds, { include, start: settings.gitlab.start })),
      ...(gitlabComponent === undefined ? [local('gitlab')] : []),
    ];
  }
  return [caller(giteaCaller(builds))];
}

function mistakeOf(image: ManagedEnrolment, path: string, callerPlaces: CallerPlaces): Problem | undefined {
  const subject = { kind: 'image', name: image.name } as const;
  if (!/\/[\w.-]+\.ya?ml$|^\.gitlab-ci\.yml$/.test(path) || path.includes('..')) {
    return {
      code: 'CONFIG_INVALID_VALUE',
      message: `source.workflow of ${image.name} is no file name of a workflow: ${JSON.stringify(image.source.workflow)}`,
      hint: 'Write the name of a file, such as build-image.yml.',
      place: image.place,
      subject,
    };
  }
  const values = valuesOf(image, callerPlaces);
  if (!values.ok) {
    return {
      code: 'CONFIG_CONFLICT',
      message: `no workflow is made for ${image.name}: ${values.error}`,
      hint: 'Write source.repo as https address, or as owner/name of the provider.',
      place: image.place,
      subject,
    };
  }
  const bad = [...values.value].find(([, value]) => isExpression(value));
  return (
    bad && {
      code: 'CONFIG_INVALID_VALUE',
      message: `${bad[0]} of ${image.name} has an expression of a CI system in it, which would be filled in there`,
      hint: 'Write the value itself; secrets go into the secrets of the repository.',
      place: image.place,
      subject,
    }
  );
}
