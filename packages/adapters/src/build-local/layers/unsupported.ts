import { FactoryError } from '@image-factory/core/problem.ts';
import type { BuildJob } from '../build-tool.ts';
import { stageNames, type Step } from '../dockerfile-steps.ts';
import { pinContexts } from '../pin-contexts.ts';

const supported = new Set(
  'FROM COPY ADD ENV LABEL CMD ENTRYPOINT WORKDIR EXPOSE USER VOLUME STOPSIGNAL ARG MAINTAINER'.split(' '),
);
const supportedFlags = new Map([
  ['FROM', /^--platform=/],
  ['COPY', /^--(?:from|chown|chmod)=|^--link(?:=|$)/],
  ['ADD', /^--(?:chown|chmod)=|^--link(?:=|$)/],
]);

/** Throws BUILDER_UNSUPPORTED at the first thing that only a real builder can do. */
export function refuseUnsupported(job: BuildJob): void {
  for (const step of job.steps.steps) {
    if (step.keyword === 'RUN') throw unsupported(job, step, 'RUN executes a command');
    if (!supported.has(step.keyword))
      throw unsupported(job, step, `${step.keyword.slice(0, 40)} is not among ${[...supported].join(', ')}`);
    if (step.heredoc) throw unsupported(job, step, 'a heredoc');
    const flag = step.flags.find((item) => !supportedFlags.get(step.keyword)?.test(item));
    if (flag) throw unsupported(job, step, `the flag ${flag.slice(0, 60)}`);
  }
  // The rules for names are those of BuildKit; here they only make sure that each pin is used.
  const contexts = pinContexts('docker', job.request, stageNames(job.steps.steps));
  if (!contexts.ok) throw new FactoryError(contexts.error);
}

export function unsupported(job: BuildJob, step: Step, what: string): FactoryError {
  return new FactoryError({
    code: 'BUILDER_UNSUPPORTED',
    message: `expected only files to be added, got what the layers builder cannot do: ${what}`,
    hint: 'Install buildah, or docker with buildx: the layers builder executes nothing and is meant for demonstrations.',
    place: { file: job.request.image.source.dockerfile, line: step.line },
  });
}
