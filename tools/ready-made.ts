import { buildWorkflow, exampleCallers } from '@image-factory/core/workflows/ready-made.ts';

/** The ready-made builds and their examples, by where they stand in this repository. */
export function readyMade(): ReadonlyMap<string, string> {
  const { github, gitlab, gitea } = exampleCallers();
  return new Map([
    ['.github/workflows/build-image.yml', buildWorkflow('github')],
    ['templates/build-image/template.yml', buildWorkflow('gitlab')],
    ['examples/github/build-app.yml', github],
    ['examples/gitlab/.gitlab-ci.yml', gitlab],
    ['examples/gitea/build-app.yml', gitea],
  ]);
}
