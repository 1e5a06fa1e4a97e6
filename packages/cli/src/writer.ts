import { isAlive, ownIdentity } from '@image-factory/adapters/build-local/process-identity.ts';

/** Names this process so that others can tell whether it still runs: host, boot, process id, start. */
export async function ownWriter(): Promise<string> {
  const { host, boot, pid, started } = await ownIdentity();
  return [host, boot, pid, started].join('/');
}

/** Is the process that wrote an intent known to be gone? Of other machines nothing is known. */
export async function isDeadWriter(writer: string): Promise<boolean> {
  const [host, boot, pid, started] = writer.split('/');
  if (host === undefined || boot === undefined || started === undefined || !/^\d+$/.test(pid ?? ''))
    return false;
  return (await isAlive({ host, boot, pid: Number(pid), started })) === false;
}
