import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { promisify } from 'node:util';

/** A process that a reused number cannot be mistaken for. */
export interface ProcessIdentity {
  readonly host: string;
  /** Changes with every start of the machine; empty where the system has none. */
  readonly boot: string;
  readonly pid: number;
  /** When it started, in the system's own words. */
  readonly started: string;
}

/** Every process of a run carries this variable, so that they are found when their parent is gone. */
export const runVariable = 'IMAGE_FACTORY_RUN';

export async function ownIdentity(): Promise<ProcessIdentity> {
  return {
    host: hostname(),
    boot: await bootId(),
    pid: process.pid,
    started: (await startOf(process.pid)) ?? '',
  };
}

/** Undefined: it is a process of another host, of which nothing can be known from here. */
export async function isAlive(identity: ProcessIdentity): Promise<boolean | undefined> {
  if (identity.host !== hostname()) return undefined;
  if (identity.boot !== (await bootId())) return false;
  const started = await startOf(identity.pid);
  return started !== undefined && started === identity.started;
}

async function bootId(): Promise<string> {
  return readFile('/proc/sys/kernel/random/boot_id', 'utf8').then(
    (text) => text.trim(),
    () => '',
  );
}

async function startOf(pid: number): Promise<string | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  // The name in brackets may hold blanks; state is the third field and the start time the 22nd.
  if (stat !== undefined) {
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? undefined : fields[19];
  }
  if (process.platform === 'linux') return undefined;
  return promisify(execFile)('ps', ['-o', 'lstart=', '-p', String(pid)]).then(
    (result) => result.stdout.trim() || undefined,
    () => undefined,
  );
}

/**
 * Ends what a crashed process left running for one run and waits until it is gone, so that an interrupted push cannot
 * land after somebody looked whether it did. Linux only: elsewhere nothing is found.
 */
export async function endOrphans(run: string): Promise<void> {
  const deadline = performance.now() + 10_000;
  for (;;) {
    const orphans = await processesOf(run);
    if (orphans.length === 0 || performance.now() > deadline) return;
    for (const pid of orphans) kill(pid);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function processesOf(run: string): Promise<readonly number[]> {
  const entries = await readdir('/proc').catch(() => []);
  const marker = `${runVariable}=${run}`;
  const found = await Promise.all(
    entries
      .filter((entry) => /^\d+$/.test(entry) && Number(entry) !== process.pid)
      .map(async (entry) => {
        const environment = await readFile(`/proc/${entry}/environ`, 'utf8').catch(() => '');
        return environment.split('\0').includes(marker) ? Number(entry) : undefined;
      }),
  );
  return found.filter((pid) => pid !== undefined);
}

function kill(pid: number): void {
  for (const target of [-pid, pid]) {
    try {
      process.kill(target, 'SIGKILL');
    } catch {
      // It is no group leader, or gone.
    }
  }
}
