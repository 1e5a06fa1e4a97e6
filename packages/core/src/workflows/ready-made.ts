import { giteaCaller, githubCaller, gitlabCaller } from './callers.ts';
import { githubBuild } from './github-build.ts';
import { gitlabBuild } from './gitlab-build.ts';

/** Where the builds lie that callers call, in the repositories of those who do not call one elsewhere. */
export const localBuilds = {
  github: '.github/workflows/image-factory-build.yml',
  gitlab: 'image-factory/build-image.yml',
} as const;

export function buildWorkflow(provider: 'github' | 'gitlab'): string {
  return provider === 'github' ? githubBuild() : gitlabBuild();
}

/** Callers as somebody would write them by hand, with what most images say. */
export function exampleCallers(): Readonly<Record<'github' | 'gitlab' | 'gitea', string>> {
  const build = (registry: string) => ({
    name: 'app',
    values: new Map([
      ['image', `${registry}/acme/app`],
      ['tags', '1,latest'],
      ['dockerfile', 'app/Dockerfile'],
      ['context', 'app'],
      ['platforms', 'linux/amd64,linux/arm64'],
      ['cache', `${registry}/acme/app:cache`],
    ]),
  });
  return {
    github: githubCaller([build('ghcr.io')], {
      uses: `./${localBuilds.github}`,
      event: { kind: 'workflow_dispatch' },
    }),
    gitlab: gitlabCaller([build('registry.gitlab.com')], {
      include: `local: /${localBuilds.gitlab}`,
      start: 'inputs',
    }),
    gitea: giteaCaller([build('gitea.example.com')]),
  };
}
