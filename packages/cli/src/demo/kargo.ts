import { execFile } from 'node:child_process';
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { Place } from './place.ts';
import { createStage, type Stage } from './stage.ts';

const overlays = join(import.meta.dirname, '../../../../kustomize/image-factory');

/**
 * The same factory as Kargo would run it. The demo builds on this machine, which Kargo cannot: a copy of the directory says
 * GitHub instead, with the same state.
 */
export async function showKargo(place: Place, stage: Stage): Promise<void> {
  const server = await place.remote.serve();
  try {
    await showAt(new URL(server.url), place, stage);
  } finally {
    await server.close();
  }
}

async function showAt(served: URL, place: Place, stage: Stage): Promise<void> {
  const repository = `${served.origin}/acme${served.pathname}`;
  const dir = join(dirname(place.dir), 'kargo');
  const deployed = join(dir, 'deploy');
  await mkdir(dir);
  const images = await readFile(join(place.dir, 'images.yaml'), 'utf8');
  await writeFile(
    join(dir, 'images.yaml'),
    images
      .replaceAll(
        `provider: local, repo: ${place.remote.path}`,
        `provider: github, repo: "${repository}", branch: main`,
      )
      .replace(/ {2}schedule: .*\n/, ''),
  );
  await writeFile(
    join(dir, 'factory.yaml'),
    `engine: kargo
state: { mode: git, remote: "${repository}" }
registries: { "${place.host}": { insecure: true } }
kargo: { image: "registry.example.com/image-factory@sha256:${'0'.repeat(64)}" }
`,
  );
  stage.say('The demo builds here; a copy of its directory says that GitHub builds, with the same state.');
  await cp(overlays, deployed, { recursive: true });
  const cluster = createStage(dir, place.env);
  const generated = join(deployed, 'generated');
  const made = await cluster.ask<{ upToDate: boolean; resources: Readonly<Record<string, number>> }>(
    'synth',
    '--out',
    generated,
  );
  const counts = Object.entries(made.resources).map(([kind, count]) => `${count} ${kind}`);
  stage.say(`image-factory synth: ${counts.join(', ')}`);
  const again = await cluster.ask<{ upToDate: boolean }>('synth', '--out', generated, '--check');
  stage.prove('synth after synth changes nothing', again.upToDate);
  await lint(stage, cluster, 'lint-kargo finds nothing that Kargo would refuse', generated);
  const built = await build(join(deployed, 'overlays/demo'));
  if (built === undefined) {
    stage.say('The overlay is not built here: that needs kubectl 1.27 or newer.');
    return;
  }
  const file = join(dir, 'overlay.yaml');
  await writeFile(file, built);
  await lint(stage, cluster, 'nor in the overlay that kubectl kustomize builds around it', file);
}

async function lint(stage: Stage, cluster: Stage, claim: string, path: string): Promise<void> {
  const { errors, resources, findings } = await cluster.ask<{
    errors: number;
    resources: number;
    findings: readonly { rule: string; severity: string; message: string }[];
  }>('lint-kargo', path);
  const found = findings.map(({ rule, message }) => `${rule}: ${message}`);
  stage.prove(`${claim} (${resources} resources)`, errors === 0 && resources > 20, found[0]);
  for (const rule of new Set(findings.map((finding) => finding.rule)))
    stage.say(`  it warns of ${rule}: the demo's repository and registry speak plain HTTP`);
}

async function build(overlay: string): Promise<string | undefined> {
  const run = promisify(execFile);
  try {
    const { stdout } = await run('kubectl', ['version', '--client', '-o', 'json']);
    const { kustomizeVersion = 'v0' } = JSON.parse(stdout) as { kustomizeVersion?: string };
    if (Number(/^v(\d+)/.exec(kustomizeVersion)?.[1]) < 5) return undefined;
  } catch {
    return undefined;
  }
  return (await run('kubectl', ['kustomize', overlay], { maxBuffer: 2 ** 26 })).stdout;
}
