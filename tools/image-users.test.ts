import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ImageUser } from '../packages/core/src/enrolment/image-users.ts';
import { afterEach, describe, expect, it } from 'vitest';
import { digestOf, ImageUsers } from '../packages/cli/src/testing/test-image-users.ts';
import { findKustomize } from './deployment/kustomize.ts';

const { command, missing } = findKustomize(process.env);
if (command === undefined) console.log(`skipped: rendering updated kustomizations needs ${missing}`);

function renderedImages(files: ReadonlyMap<string, string>): readonly string[] {
  const folder = mkdtempSync(join(tmpdir(), 'image-factory-kustomize-'));
  const [program = '', ...args] = command ?? [];
  try {
    for (const [name, text] of files) writeFileSync(join(folder, name), text);
    const text = execFileSync(program, [...args, folder], { encoding: 'utf8', timeout: 20_000 });
    return [...text.matchAll(/^\s*(?:- )?image: (.+)$/gm)].map(([, name = '']) => name);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const digest = digestOf('a');
let users: ImageUsers | undefined;
afterEach(() => users?.close());

type Case = [string, string, string, { readonly image?: string; readonly part?: 'tag' }, string];

describe.skipIf(command === undefined)('an updated kustomization', () => {
  const images = (...lines: readonly string[]): string => `\nimages:\n${lines.join('\n')}\n`;

  it.each<Case>([
    ['without images', 'ghcr.io/acme/web:1.9', '', {}, `ghcr.io/acme/web@${digest}`],
    [
      'with a tag',
      'ghcr.io/acme/web',
      images('- name: ghcr.io/acme/web', '  newTag: "1.9"'),
      {},
      `ghcr.io/acme/web@${digest}`,
    ],
    [
      'with a digest, where the tag is wanted',
      'ghcr.io/acme/web',
      images('  - name: ghcr.io/acme/web', `    digest: ${digestOf('0')}`),
      { part: 'tag' },
      'ghcr.io/acme/web:1.10',
    ],
    [
      'with a short name',
      'web',
      images('- name: web # short', '  newName: ghcr.io/acme/web', '  newTag: "1.9"'),
      { image: 'web' },
      `ghcr.io/acme/web@${digest}`,
    ],
    [
      'with a mirror',
      'ghcr.io/acme/web:1.9',
      images('- name: ghcr.io/acme/web', '  newName: mirror.example.com/acme/web'),
      {},
      `mirror.example.com/acme/web@${digest}`,
    ],
    [
      'with the name of a mirror',
      'mirror.example.com/web:1.9',
      images('- { name: mirror.example.com/web, newTag: "1.9" }'),
      { image: 'mirror.example.com/web' },
      `mirror.example.com/web@${digest}`,
    ],
  ])('%s renders to what was built', async (_what, deployed, list, more, expected) => {
    const user: ImageUser = {
      format: 'kustomize',
      provider: 'github',
      repo: 'acme/deploy',
      branch: 'main',
      mode: 'push',
      paths: ['.'],
      image: undefined,
      part: 'digest',
      ...more,
    };
    users = await ImageUsers.open([user]);
    const containers = `  - { name: web, image: "${deployed}" }\n  - { name: db, image: "postgres:16" }\n`;
    await users.github.commit({
      'pod.yaml': `apiVersion: v1\nkind: Pod\nmetadata: { name: web }\nspec:\n  containers:\n${containers}`,
      'kustomization.yaml': `resources:\n- pod.yaml\n${list}`,
    });
    await users.build(digest);
    expect(renderedImages(await users.github.files()).toSorted()).toEqual(
      [expected, 'postgres:16'].toSorted(),
    );
  });
});
