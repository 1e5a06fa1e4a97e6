import { randomBytes } from 'node:crypto';
import { link, mkdir, open, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Run } from '@image-factory/core/ports/builder.ts';
import { FactoryError } from '@image-factory/core/problem.ts';
import type { Instant } from '@image-factory/core/time.ts';
import type { ProcessIdentity } from './process-identity.ts';

/** What is kept of a run on disk, so that another process knows of it. */
export interface RunRecord {
  readonly version: 1;
  readonly image: string;
  readonly run: Run;
  readonly owner: ProcessIdentity;
  readonly startedAt: Instant;
  readonly endedAt?: Instant;
  /** Normalised references, each with its tag, that the build moves. */
  readonly targets: readonly string[];
}

/** One JSON file per key and attempt. Creating the file is the claim: it can be created once. */
export interface RunRecords {
  /** Undefined when this call won; otherwise the record of whoever was first. */
  claim(record: RunRecord): Promise<RunRecord | undefined>;
  read(id: string): Promise<RunRecord | undefined>;
  /** Replaces the record; one that has ended is never changed again, and is returned as it is. */
  end(record: RunRecord): Promise<RunRecord>;
  all(): Promise<readonly RunRecord[]>;
  /** A sign of life, for processes on other hosts that share the directory. */
  touch(id: string): Promise<void>;
  lastTouched(id: string): Promise<Instant>;
  requestCancel(id: string): Promise<void>;
  cancelRequested(id: string): Promise<boolean>;
  /** Removes records (and their logs) of runs that ended before the instant. */
  prune(before: Instant): Promise<void>;
}

export function openRunRecords(directory: string): RunRecords {
  const pathOf = (id: string) => join(directory, `${checkedId(id)}.json`);

  async function read(id: string): Promise<RunRecord | undefined> {
    const text = await readFile(pathOf(id), 'utf8').catch((error: unknown) => {
      if (isCode(error, 'ENOENT')) return undefined;
      throw stateError(`cannot read the record of run ${id}`, error);
    });
    return text === undefined ? undefined : parseRecord(id, text);
  }

  /** The file appears whole or not at all, whenever the process ends. */
  async function writeAside(record: RunRecord): Promise<string> {
    await mkdir(directory, { recursive: true });
    const path = join(directory, `.${checkedId(record.run.id)}.${randomBytes(6).toString('hex')}`);
    const file = await open(path, 'wx', 0o640);
    try {
      await file.writeFile(`${JSON.stringify(record, undefined, 2)}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
    return path;
  }

  return {
    async claim(record) {
      const aside = await writeAside(record).catch((error: unknown) => {
        throw stateError('cannot claim the build', error);
      });
      try {
        await link(aside, pathOf(record.run.id));
        return undefined;
      } catch (error) {
        if (!isCode(error, 'EEXIST')) throw stateError('cannot claim the build', error);
        const existing = await read(record.run.id);
        if (!existing) throw stateError('the claim of the build vanished', error);
        return existing;
      } finally {
        await rm(aside, { force: true });
      }
    },
    read,
    async end(record) {
      const before = await read(record.run.id);
      if (before && before.run.status !== 'running') return before;
      await rename(await writeAside(record), pathOf(record.run.id));
      await rm(`${pathOf(record.run.id)}.cancel`, { force: true });
      return record;
    },
    async all() {
      const names = await readdir(directory).catch(() => []);
      const ids = names
        .filter((name) => name.endsWith('.json') && !name.startsWith('.'))
        .map((name) => name.slice(0, -5));
      const records = await Promise.all(ids.map((id) => read(id).catch(() => undefined)));
      return records.filter((record) => record !== undefined);
    },
    async touch(id) {
      const now = new Date();
      await utimes(pathOf(id), now, now).catch(() => undefined);
    },
    async lastTouched(id) {
      return stat(pathOf(id)).then(
        (found) => found.mtimeMs,
        () => 0,
      );
    },
    async requestCancel(id) {
      await writeFile(`${pathOf(id)}.cancel`, '');
    },
    async cancelRequested(id) {
      return stat(`${pathOf(id)}.cancel`).then(
        () => true,
        () => false,
      );
    },
    async prune(before) {
      for (const record of await this.all()) {
        if (record.endedAt === undefined || record.endedAt >= before) continue;
        await rm(pathOf(record.run.id), { force: true });
        if (record.run.log) await rm(record.run.log, { force: true });
      }
    },
  };
}

/** A run's id is a file name: nothing in it can leave the directory. */
function checkedId(id: string): string {
  if (/^[a-zA-Z0-9][a-zA-Z0-9._-]{0,199}$/.test(id)) return id;
  throw new FactoryError({
    code: 'NOT_FOUND',
    message: `"${id.slice(0, 60)}" is not the id of a local run`,
    hint: 'Ids of local runs are listed by: image-factory history NAME',
  });
}

function parseRecord(id: string, text: string): RunRecord {
  try {
    const value = JSON.parse(text) as RunRecord;
    if (value.version === 1 && value.run.id === id && Array.isArray(value.targets)) return value;
  } catch {
    // Reported below with its name.
  }
  throw new FactoryError({
    code: 'STATE_CORRUPT',
    message: `the record of run ${id} cannot be read`,
    hint: 'Remove the file once you have seen in the registry whether the build was pushed.',
  });
}

function stateError(message: string, cause: unknown): FactoryError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new FactoryError(
    {
      code: 'STATE_UNREACHABLE',
      message: `${message}: ${reason}`,
      hint: 'Check permissions and free space of the work directory.',
    },
    { cause },
  );
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
