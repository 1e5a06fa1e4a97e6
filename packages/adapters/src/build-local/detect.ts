import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { isOlder } from './buildah.ts';
import type { ToolName } from './build-tool.ts';

export interface FoundBuilder {
  readonly tool: ToolName;
  readonly version: string;
  readonly usable: boolean;
  /** What it cannot do, or why it is not usable: sentences for people. */
  readonly limits: readonly string[];
}

/** Which builders this machine has, the preferred one first. `layers` is always there and always last. */
export async function detectBuilder(
  environment: Readonly<Record<string, string>>,
): Promise<readonly FoundBuilder[]> {
  const found = await Promise.all([findBuildah(environment), findDocker(environment)]);
  return [...found.filter((builder) => builder !== undefined), layers];
}

const layers: FoundBuilder = {
  tool: 'layers',
  version: 'built in',
  usable: true,
  limits: [
    'Executes no RUN: it adds files to the base (FROM, COPY, ADD of files, ENV, LABEL, CMD and the like), for demonstrations only.',
  ],
};

async function findBuildah(environment: Readonly<Record<string, string>>): Promise<FoundBuilder | undefined> {
  const said = await output('buildah', ['--version'], environment);
  if (said === undefined) return undefined;
  const version = /version (\d+\.\d+(?:\.\d+)?)/.exec(said)?.[1] ?? '0.0';
  if (isOlder(version, [1, 28])) {
    return {
      tool: 'buildah',
      version,
      usable: false,
      limits: ['Older than 1.28: pins by named build contexts are not tested with it.'],
    };
  }
  return {
    tool: 'buildah',
    version,
    usable: true,
    limits: [
      ...(isOlder(version, [1, 33]) ? ['Refuses heredocs (RUN <<EOF): needs buildah 1.33 or newer.'] : []),
      'Cannot pin a base whose written name is also the name of a stage.',
    ],
  };
}

async function findDocker(environment: Readonly<Record<string, string>>): Promise<FoundBuilder | undefined> {
  const client = await output('docker', ['--version'], environment);
  if (client === undefined) return undefined;
  const said = await output('docker', ['buildx', 'version'], environment);
  const version = said === undefined ? undefined : /v?(\d+\.\d+(?:\.\d+)?)/.exec(said)?.[1];
  if (version === undefined) {
    return {
      tool: 'docker',
      version: 'no buildx',
      usable: false,
      limits: ['The docker client has no buildx plugin.'],
    };
  }
  if (isOlder(version, [0, 12])) {
    return {
      tool: 'docker',
      version,
      usable: false,
      limits: ['Older than buildx 0.12: it cannot annotate manifests.'],
    };
  }
  const daemon = await output('docker', ['version', '--format', '{{.Server.Version}}'], environment);
  if (daemon === undefined || daemon.trim() === '') {
    return { tool: 'docker', version, usable: false, limits: ['The docker daemon does not answer.'] };
  }
  return {
    tool: 'docker',
    version,
    usable: true,
    limits: [
      'A push in flight may still land when the factory is killed: the daemon, not the factory, sends it.',
    ],
  };
}

async function output(
  command: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
): Promise<string | undefined> {
  return promisify(execFile)(command, args, { env: environment, timeout: 10_000 }).then(
    (result) => result.stdout,
    () => undefined,
  );
}
