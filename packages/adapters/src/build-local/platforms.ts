import { access } from 'node:fs/promises';
import { arch } from 'node:os';
import type { BuildJob } from './build-tool.ts';

const architectures = new Map<string, string>([
  ['x64', 'amd64'],
  ['ia32', '386'],
  ['arm', 'arm/v7'],
]);

/** The platform that this machine runs without help. */
export function nativePlatform(): string {
  return `linux/${architectures.get(arch()) ?? arch()}`;
}

const emulators = new Map([
  ['amd64', 'x86_64'],
  ['arm64', 'aarch64'],
  ['386', 'i386'],
  ['ppc64le', 'ppc64le'],
  ['s390x', 's390x'],
  ['riscv64', 'riscv64'],
  ['arm', 'arm'],
]);

/** Requested platforms whose programs cannot be started here, neither natively nor by a registered emulator. */
export async function foreignPlatforms(platforms: readonly string[]): Promise<readonly string[]> {
  const foreign: string[] = [];
  for (const platform of platforms) {
    if (platform === nativePlatform()) continue;
    const name = emulators.get(platform.split('/')[1] ?? '');
    const emulated = name !== undefined && (await exists(`/proc/sys/fs/binfmt_misc/qemu-${name}`));
    if (!emulated) foreign.push(platform);
  }
  return foreign;
}

/** Line of the first RUN that would be executed for the target platform; stages of the build platform are native. */
export function firstTargetRun(job: Pick<BuildJob, 'steps'>): number | undefined {
  const native = new Map<string, boolean>();
  let current = false;
  for (const step of job.steps.steps) {
    if (step.keyword === 'RUN' && !current) return step.line;
    if (step.keyword !== 'FROM') continue;
    const [base = '', , name] = step.rest.split(/\s+/);
    const flagged = step.flags.some((flag) => /^--platform=["']?\$\{?BUILDPLATFORM\}?["']?$/.test(flag));
    current = native.get(base.toLowerCase()) ?? flagged;
    if (name) native.set(name.toLowerCase(), current);
  }
  return undefined;
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
