import { spawn } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { onTestFinished } from 'vitest';

export const root = join(import.meta.dirname, '../..');
export const digest = `sha256:${'d'.repeat(64)}`;

export interface ScriptEnd {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** What it wrote to OUTPUT_FILE. */
  readonly outputs: ReadonlyMap<string, string>;
}

/** A folder with tools on PATH that note down how they were called, in the place of real ones. */
export interface Bench {
  readonly dir: string;
  /** Runs a shell text, or a file of `ci/` by its name. */
  run(
    script: string | { readonly text: string },
    environment: Readonly<Record<string, string>>,
    options?: { readonly shell?: string; readonly cwd?: string },
  ): Promise<ScriptEnd>;
  /** A tool that notes its arguments down; `then` is shell that it goes on with. */
  tool(name: string, then?: string): Promise<void>;
  /** Arguments of every call of a tool. */
  calls(name: string): Promise<readonly (readonly string[])[]>;
}

/** buildx, as far as the scripts see it: a metadata file that names the digest. */
export const fakeBuildx = `
while [ $# -gt 0 ]; do
  if [ "$1" = --metadata-file ]; then
    printf '{\\n  "buildx.build.ref": "x/y/z",\\n  "containerimage.descriptor": {"digest": "sha256:00", "size": 1},\\n  "containerimage.digest": "${digest}",\\n  "image.name": "a,b"\\n}\\n' > "$2"
  fi
  shift
done`;

export async function makeBench(): Promise<Bench> {
  const dir = await mkdtemp(join(tmpdir(), 'image-factory-ci-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  const bin = join(dir, 'bin');
  const notes = join(dir, 'notes');
  await Promise.all([mkdir(bin), mkdir(notes), mkdir(join(dir, 'home')), mkdir(join(dir, 'work'))]);
  let count = 0;
  return {
    dir,
    async run(script, environment, { shell = 'sh', cwd = join(dir, 'work') } = {}) {
      const output = join(dir, `output-${(count += 1)}`);
      await writeFile(output, '');
      const file = join(dir, `script-${count}.sh`);
      if (typeof script !== 'string') await writeFile(file, script.text);
      const child = spawn(shell, [typeof script === 'string' ? join(root, 'ci', script) : file], {
        cwd,
        env: {
          PATH: [bin, process.env['PATH']].join(delimiter),
          HOME: join(dir, 'home'),
          NOTES: notes,
          OUTPUT_FILE: output,
          GITHUB_OUTPUT: output,
          CLAIM_PAUSE: '0.05',
          ...environment,
        },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      let [stdout, stderr] = ['', ''];
      child.stdout.on('data', (data: Buffer) => void (stdout += data.toString()));
      child.stderr.on('data', (data: Buffer) => void (stderr += data.toString()));
      const code = await new Promise<number | null>((resolve, reject) => {
        child.on('error', reject);
        child.on('close', resolve);
      });
      const lines = (await readFile(output, 'utf8')).split('\n').filter((line) => line !== '');
      const outputs = new Map(lines.map((line) => [line.split('=')[0] ?? '', line.replace(/^[^=]*=/, '')]));
      return { code, stdout, stderr, outputs };
    },
    async tool(name, then = '') {
      const text = `#!/bin/sh
for word in "$@"; do printf '%s\\0' "$word"; done >> "$NOTES/${name}"
printf '\\n\\0' >> "$NOTES/${name}"
${then}
`;
      await writeFile(join(bin, name), text);
      await chmod(join(bin, name), 0o755);
    },
    async calls(name) {
      const text = await readFile(join(notes, name), 'utf8').catch(() => '');
      return text
        .split('\n\0')
        .filter((call) => call !== '')
        .map((call) => call.split('\0').slice(0, -1));
    },
  };
}
