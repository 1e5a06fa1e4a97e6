import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generatedManifests } from '../generate-kustomize.ts';
import { build, type Resource } from './overlay.ts';

const root = join(import.meta.dirname, '../..');
const components = ['server', 'server-token', 'ci-secrets', 'call-backs'];

/** The production overlay of a factory whose server runs in the namespace, with all that is for it, as docs/kargo.md says. */
export async function buildWithServer(): Promise<readonly Resource[]> {
  const folder = await mkdtemp(join(tmpdir(), 'image-factory-overlay-'));
  try {
    await cp(join(root, 'kustomize/image-factory'), folder, { recursive: true });
    const text = await generatedManifests(`${root}/`, withServer);
    await writeFile(join(folder, 'generated/image-factory.k8s.yaml'), text);
    const overlay = join(folder, 'overlays/production');
    const kustomization = join(overlay, 'kustomization.yaml');
    const lines = components.map((name) => `  - ../../components/${name}\n`);
    // Its components come last.
    await writeFile(kustomization, `${await readFile(kustomization, 'utf8')}${lines.join('')}`);
    return build(overlay);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function withServer(factory: string): string {
  const address = 'http://image-factory.image-factory-kargo.svc:8480';
  const changed = factory.replace(/^kargo:$/m, `kargo:\n  server: ${address}`);
  return `${changed}server: { token: { file: /var/run/secrets/image-factory/server/token } }\n`;
}
