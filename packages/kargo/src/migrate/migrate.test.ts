import { readConfig } from '@image-factory/core/enrolment/read-config.ts';
import { decodeState } from '@image-factory/core/state/decode-state.ts';
import { describe, expect, it } from 'vitest';
import { migrate, type Migration } from './migrate.ts';
import { baseState, cartState, olderFactory, olderImages, shopState } from './test-older.ts';

function told(migration: Migration, words: string): boolean {
  return migration.changes.some(({ file, subject, what, why }) =>
    [file, subject, what, why].join(' ').includes(words),
  );
}

describe.each(['state/images', 'images'] as const)(
  'an older factory directory with its records in %s',
  (layout) => {
    const older = olderFactory(layout);
    const migration = migrate(older);
    const config = readConfig({
      images: { path: 'images.yaml', text: migration.files.get('images.yaml') ?? '' },
      imagesDir: [],
      factory: { path: 'factory.yaml', text: migration.files.get('factory.yaml') ?? '' },
    });

    it('is read without a problem, and the result is a configuration without one', () => {
      expect(migration.problems).toEqual([]);
      expect(migration.layout).toBe(layout);
      expect(config.problems).toEqual([]);
      expect(config.warnings.filter(({ code }) => code === 'CONFIG_UNKNOWN_KEY')).toEqual([]);
    });

    it('keeps what every enrolment says', () => {
      const byName = new Map(config.config?.images.map((image) => [image.name, image]));
      expect(byName.get('shop')).toMatchObject({
        kind: 'managed',
        registry: 'ghcr.io',
        repository: 'acme/shop',
        tags: ['3.10'],
        source: {
          repo: 'acme/mono',
          branch: 'main',
          dockerfile: 'apps/shop/Dockerfile',
          workflow: 'shop.yml',
        },
        rebuildDelay: 7 * 86_400_000,
        autoRebuild: true,
      });
      // Named by its record alone.
      expect(byName.get('cart')?.registry).toBe('registry.acme.example');
      expect(byName.get('redis')).toMatchObject({
        kind: 'external',
        allowTags: '^7\\.[0-9]+$',
        imageSelectionStrategy: 'Lexical',
      });
      expect(byName.get('any')).toMatchObject({ allowTags: '^.*$', imageSelectionStrategy: 'Lexical' });
    });

    it('keeps comments, and what has no key any more as one', () => {
      const text = migration.files.get('images.yaml') ?? '';
      expect(text).toContain('# Our images');
      expect(text).toContain('# the shop');
      expect(text).toContain('# costCentre: 4711');
    });

    it('takes the records along byte for byte, but for expressions that match nothing', () => {
      expect(migration.files.get('state/images/shop.yaml')).toBe(shopState);
      expect(migration.files.get('state/images/cart.yaml')).toBe(cartState);
      expect(migration.files.get('state/base-images/node-22.11.yaml')).toBe(
        baseState.replace('^22\\\\.11$', '^22\\.11$'),
      );
      expect(told(migration, 'could not match its own tag')).toBe(true);
      expect([...migration.files.keys()].filter((path) => path.includes('example'))).toEqual([]);
      const state = new Map(
        [...migration.files].flatMap(([path, text]) =>
          path.startsWith('state/') ? [[path.slice(6), text]] : [],
        ),
      );
      const decoded = decodeState(state);
      expect(decoded.problems).toEqual([]);
      expect(decoded.state.images.get('shop')?.currentVersion).toBe('3.10');
    });

    it('takes settings over from the generated manifests', () => {
      expect(config.config?.settings.kargo).toMatchObject({
        namespace: 'factory-of-acme',
        repository: 'https://github.com/acme/mono.git',
        branch: 'main',
        directory: 'image-factory',
        secrets: { git: 'forge-credentials', github: 'workflow-token' },
        imagePullSecrets: ['pull-creds'],
      });
      expect(config.config?.settings.engine).toBe('embedded');
    });

    it('says what today’s Kargo makes of the older manifests', () => {
      for (const words of ['semverConstraint', 'allowTags', 'Warehouse node-22.11', 'failureExpression'])
        expect(told(migration, words), words).toBe(true);
      for (const words of [
        'are two Warehouses',
        'rebuild-<image>',
        'pull-creds',
        'ghcr.io/acme/uv:0.1',
        'gone',
      ])
        expect(told(migration, words), words).toBe(true);
    });

    it('leaves what it was given alone, and says the same again', () => {
      expect(older).toEqual(olderFactory(layout));
      expect(migrate(older)).toEqual(migration);
    });
  },
);

describe('what cannot be taken over as it is', () => {
  const base = olderFactory('images');

  it('is refused where two records of one image differ', () => {
    const both = new Map([
      ...base,
      ['state/images/shop.yaml', shopState.replace('keep me', 'something else')],
    ]);
    const { problems, layout } = migrate(both);
    expect(layout).toBe('both');
    expect(problems.map(({ message }) => message)).toEqual([
      'state/images/shop.yaml and images/shop.yaml are records of the same thing with different content',
    ]);
    expect(migrate(new Map([...base, ['state/images/shop.yaml', shopState]])).problems).toEqual([]);
  });

  it('is refused without images.yaml, and where an entry can be understood by nobody', () => {
    expect(migrate(new Map()).problems.map(({ code }) => code)).toEqual(['CONFIG_MISSING']);
    const wrong = new Map([
      ...base,
      ['images.yaml', `${olderImages}- name: Wrong_Name\n  repository: acme/x\n`],
    ]);
    expect(
      migrate(wrong)
        .problems.map(({ message }) => message)
        .join(),
    ).toContain('Wrong_Name');
  });

  it('is a task for a person where a record or a manifest cannot be read; the record is kept', () => {
    const broken = new Map([...base, ['images/shop.yaml', 'name: [\n'], ['dist/broken.yaml', 'a: [\n']]);
    const { files, changes, problems } = migrate(broken);
    expect(problems).toEqual([]);
    expect(files.get('state/images/shop.yaml')).toBe('name: [\n');
    expect(changes.filter(({ action }) => action === 'by-hand').map(({ file }) => file)).toEqual(
      expect.arrayContaining(['images/shop.yaml', 'dist/broken.yaml']),
    );
  });

  it('is nothing: whoever has today’s keys already gets his bytes back', () => {
    const today =
      '# mine\n-   name:   x\n    repository: docker.io/library/x\n    allowTags: ^1$\n    imageSelectionStrategy: Digest\n';
    expect(migrate(new Map([['images.yaml', today]])).files.get('images.yaml')).toBe(today);
  });
});
