import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { findDockerRegistry } from './docker-registry.ts';

/** What tests need that no package brings along. */
export type Tool = 'buildah' | 'skopeo' | 'docker-registry' | 'root rights';

/** All of them are here. In CI a missing one is a failure; elsewhere tests that need it are skipped, and it is said. */
export async function installed(...tools: readonly Tool[]): Promise<boolean> {
  const found = await Promise.all(tools.map(isHere));
  const missing = tools.filter((_, index) => !found[index]);
  if (missing.length === 0) return true;
  if (process.env['CI']) throw new Error(`not installed: ${missing.join(', ')}`);
  process.stderr.write(`skipped, not installed: ${missing.join(', ')}\n`);
  return false;
}

async function isHere(tool: Tool): Promise<boolean> {
  if (tool === 'root rights') return process.getuid?.() === 0;
  if (tool === 'docker-registry') return Boolean(await findDockerRegistry());
  return promisify(execFile)(tool, ['--version']).then(
    () => true,
    () => false,
  );
}
