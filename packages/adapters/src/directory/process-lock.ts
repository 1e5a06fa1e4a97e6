import {
  linkSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { dirname } from 'node:path';

/** Held by one process; a holder that was killed is found out and replaced. */
export interface ProcessLock {
  /** Is it still ours? A holder that slept for too long may have been replaced. */
  held(): boolean;
  /** Tells processes on other machines that we are alive. */
  touch(): void;
  release(): void;
}

/** A lock that another machine, container or boot has left: whether its holder lives cannot be asked. */
export interface ForeignLock {
  readonly token: string;
  /** When its holder last touched it, in milliseconds of the file system's clock. */
  readonly touched: number;
}

interface Holder {
  readonly token: string;
  readonly pid: number;
  /** Start of the process in ticks since boot: a number that was given to another process later does not count. */
  readonly started: string;
  /** Host, boot and pid namespace: pids mean something only within one. */
  readonly place: string;
}

/**
 * Takes the lock at `path`, or answers undefined while somebody holds it. Never waits.
 *
 * The lock is a file with its holder's identity, put in place by a hard link: it appears whole or not at all.
 * Taking over from a dead holder needs a lock of its own, named after the dead one's token, so that two who see the
 * same dead holder cannot each remove what the other has just put there.
 */
export function tryLock(
  path: string,
  foreignIsStale: (lock: ForeignLock) => boolean,
): ProcessLock | undefined {
  const mine = identity();
  if (place(path, mine) || (removeStale(path, foreignIsStale) && place(path, mine)))
    return lockAt(path, mine.token);
  return undefined;
}

function lockAt(path: string, token: string): ProcessLock {
  const held = () => holderOf(path)?.token === token;
  return {
    held,
    touch() {
      const now = new Date();
      if (held()) utimesSync(path, now, now);
    },
    release() {
      if (held()) unlinkIfThere(path);
    },
  };
}

/** Puts the file in place if there is none. */
function place(path: string, holder: Holder): boolean {
  const draft = `${path}.${holder.token}`;
  mkdirSync(dirname(path), { recursive: true });
  try {
    writeFileSync(draft, JSON.stringify(holder), { flag: 'wx', mode: 0o600 });
    linkSync(draft, path);
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    // The holder before us cleared the folder away: somebody is active, so this is as good as held.
    if (codeOf(error) === 'ENOENT') return false;
    if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'].includes(codeOf(error))) throw error;
    return placeWithoutLink(path, holder);
  } finally {
    unlinkIfThere(draft);
  }
}

/** For file systems without hard links: there is a moment in which the file is empty, see {@link removeStale}. */
function placeWithoutLink(path: string, holder: Holder): boolean {
  try {
    writeFileSync(path, JSON.stringify(holder), { flag: 'wx', mode: 0o600 });
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
}

/** True when the way is free: the holder was dead and is removed, or has gone by itself. */
function removeStale(path: string, foreignIsStale: (lock: ForeignLock) => boolean): boolean {
  const before = read(path);
  if (before === undefined) return true;
  if (!isStale(path, before, foreignIsStale)) return false;
  const right = tryLock(`${path}.${tokenOf(before)}.takeover`, foreignIsStale);
  if (right === undefined) return false;
  try {
    // Only whoever has this right removes this holder's file, and a holder's token never comes back.
    if (read(path) === before) unlinkIfThere(path);
    return true;
  } finally {
    right.release();
  }
}

function isStale(path: string, text: string, foreignIsStale: (lock: ForeignLock) => boolean): boolean {
  const holder = parse(text);
  const foreign = () => foreignIsStale({ token: tokenOf(text), touched: touchedAt(path) });
  if (holder === undefined || holder.place !== placeName()) return foreign();
  return !isAlive(holder);
}

function isAlive(holder: Holder): boolean {
  try {
    process.kill(holder.pid, 0);
  } catch (error) {
    if (codeOf(error) === 'ESRCH') return false;
  }
  const started = startOf(holder.pid);
  return started === '' || holder.started === '' || started === holder.started;
}

function identity(): Holder {
  return { token: newToken(), pid: process.pid, started: startOf(process.pid), place: placeName() };
}

/** Tells one lock from another, and is no secret: node:crypto would take longer to load than the lock is held. */
function newToken(): string {
  const digits = Array.from({ length: 36 }, () => Math.trunc(Math.random() * 16).toString(16));
  return digits.join('');
}

let knownPlace: string | undefined;
function placeName(): string {
  knownPlace ??= [
    hostname(),
    tryRead(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()),
    tryRead(() => readlinkSync('/proc/self/ns/pid')),
  ].join(' ');
  return knownPlace;
}

/** Field 22 of /proc/<pid>/stat, behind the command name, which may hold anything; empty where there is no /proc or no such process. */
function startOf(pid: number): string {
  const stat = tryRead(() => readFileSync(`/proc/${pid}/stat`, 'latin1'));
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  // A zombie holds nothing any more.
  return fields[0] === 'Z' ? 'dead' : (fields[19] ?? '');
}

function tryRead(read: () => string): string {
  try {
    return read();
  } catch {
    return '';
  }
}

function parse(text: string): Holder | undefined {
  try {
    const value = JSON.parse(text) as Partial<Holder> | null;
    return typeof value?.token === 'string' &&
      /^[0-9a-f-]{36}$/.test(value.token) &&
      Number.isSafeInteger(value.pid) &&
      Number(value.pid) > 0
      ? {
          token: value.token,
          pid: Number(value.pid),
          started: String(value.started ?? ''),
          place: String(value.place ?? ''),
        }
      : undefined;
  } catch {
    return undefined;
  }
}

function tokenOf(text: string): string {
  return parse(text)?.token ?? 'unreadable';
}

function holderOf(path: string): Holder | undefined {
  const text = read(path);
  return text === undefined ? undefined : parse(text);
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').slice(0, 4096);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function touchedAt(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

function unlinkIfThere(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
  }
}

/** The system's name of a failure: `ENOENT`, `ENOSPC`, ... */
export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}
