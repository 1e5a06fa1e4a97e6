import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  baseRecord,
  dependency,
  digest,
  epoch,
  imageRecord,
  intent,
  ledgerEntry,
  stateOf,
} from '@image-factory/testing/records.ts';
import { describe, expect, it } from 'vitest';
import { day } from '../time.ts';
import { stateChanges } from './changes.ts';
import { decodeState } from './decode-state.ts';
import { applyDiscoveries, applyDiscovery, type Discovery, type FoundDependency } from './discovery.ts';
import { encodeBase } from './encode.ts';
import type { FactoryState } from './types.ts';

const now = epoch + day;

function found(reference: string, more: Partial<FoundDependency> = {}): FoundDependency {
  const { base: _, ...rest } = dependency({ reference });
  return { ...rest, ...more };
}

function success(...dependencies: FoundDependency[]): Discovery {
  return { ok: true, dependencies, dockerfile: 'blob-1' };
}

function discover(
  state: FactoryState,
  discoveries: Record<string, Discovery>,
  files: ReadonlyMap<string, string> = new Map(),
) {
  return applyDiscoveries(state, new Map(Object.entries(discoveries)), { now, files, unreadable: new Set() });
}

describe('applyDiscovery', () => {
  const named = ({ reference }: FoundDependency) => /library\/(\w+)/.exec(reference)?.[1];

  it('enters what was found, sorted and once each, without the frontend', () => {
    const record = applyDiscovery(
      imageRecord(),
      success(
        found('docker.io/library/python:3'),
        found('docker.io/library/node:22'),
        found('docker.io/library/node:22', { stage: '1' }),
        found('docker.io/library/frontend:1', { kind: 'syntax' }),
        found('ghcr.io/a/b@sha256:0'),
      ),
      named,
      now,
    );
    expect(record.baseImages).toEqual(['node', 'python']);
    expect(record.dependencies.map(({ base }) => base)).toEqual([
      'python',
      'node',
      'node',
      'frontend',
      undefined,
    ]);
    expect(record).toMatchObject({ discoveryStatus: 'success', dockerfile: 'blob-1', lastDiscovery: now });
    expect(record.dependencies[0]).not.toHaveProperty('tagWritten');
  });

  it('changes nothing when it finds the same again', () => {
    const first = applyDiscovery(imageRecord(), success(found('docker.io/library/node:22')), named, now);
    expect(applyDiscovery(first, success(found('docker.io/library/node:22')), named, now + day)).toBe(first);
  });

  it('keeps the dependencies when it fails, says why once, and recovers', () => {
    const first = applyDiscovery(imageRecord(), success(found('docker.io/library/node:22')), named, now);
    const failed = applyDiscovery(first, { ok: false, error: 'no such branch' }, named, now + day);
    expect(failed).toEqual({ ...first, discoveryStatus: 'failed', discoveryError: 'no such branch' });
    expect(applyDiscovery(failed, { ok: false, error: 'no such branch' }, named, now + 2 * day)).toBe(failed);
    const recovered = applyDiscovery(
      failed,
      success(found('docker.io/library/node:22')),
      named,
      now + 3 * day,
    );
    expect(recovered).toEqual({ ...first, lastDiscovery: now + 3 * day });
  });
});

describe('applyDiscoveries', () => {
  it('makes base records by the slug of their reference, and hash suffixes where two would share one', () => {
    const state = discover(stateOf({ images: [imageRecord()] }), {
      app: success(
        found('docker.io/library/node:22-bookworm-slim'),
        found('gcr.io/distroless/python3-debian12:latest', { tagWritten: false }),
        found('quay.io/library/node:22-bookworm-slim'),
        found('docker.io/library/node@sha256:' + '0'.repeat(64)),
        found('docker.io/library/node:22-bookworm-slim@sha256:' + '0'.repeat(64), { stage: '1' }),
      ),
    });
    const names = [...state.bases.keys()];
    expect(names.slice(0, 2)).toEqual(['node-22-bookworm-slim', 'distroless-python3-debian12']);
    expect(names[2]).toMatch(/^node-22-bookworm-slim-[0-9a-f]{8}$/);
    expect(names).toHaveLength(3);
    expect(state.images.get('app')?.dependencies.map(({ base }) => base)).toEqual([
      ...names,
      undefined,
      names[0],
    ]);
    expect(state.bases.get('distroless-python3-debian12')).toMatchObject({
      fullImage: 'gcr.io/distroless/python3-debian12',
      tag: 'latest',
    });
  });

  it('keeps the names that files of the older tool gave', () => {
    const folder = join(import.meta.dirname, 'testdata/older');
    const files = new Map(
      ['images', 'base-images'].flatMap((kind) =>
        readdirSync(join(folder, kind)).map(
          (file) => [`${kind}/${file}`, readFileSync(join(folder, kind, file), 'utf8')] as const,
        ),
      ),
    );
    const before = decodeState(files).state;
    const after = discover(before, {
      portal: success(
        found('docker.io/library/node:22.11-bookworm-slim'),
        found('gcr.io/distroless/nodejs22-debian12:nonroot'),
      ),
      worker: success(found('docker.io/library/python:3.10')),
    });
    expect(after.images.get('portal')?.baseImages).toEqual(before.images.get('portal')?.baseImages);
    expect(after.images.get('worker')?.baseImages).toEqual(['python-3.10']);
    const changes = stateChanges(before, after, files);
    expect([...changes].filter(([, text]) => text !== null).map(([path]) => path)).toEqual([
      'images/portal.yaml',
      'images/worker.yaml',
      '_archive/base-images/proxy.yaml',
      '_archive/base-images/python3-debian12.yaml',
    ]);
    const portal = changes.get('images/portal.yaml') ?? '';
    const lost = (files.get('images/portal.yaml') ?? '')
      .split('\n')
      .filter((line) => !portal.split('\n').includes(line));
    expect(lost).toEqual([`lastDiscovery: '2025-11-30T22:00:07.001204+00:00'`, 'discoveryStatus: pending']);
  });

  it('gives the same state when nothing is new', () => {
    const first = discover(stateOf({ images: [imageRecord()] }), {
      app: success(found('docker.io/library/node:22')),
    });
    expect(discover(first, { app: success(found('docker.io/library/node:22')), unknown: success() })).toBe(
      first,
    );
  });

  it('archives a base that no image uses, and brings it back with its history', () => {
    const base = baseRecord({ ledger: [ledgerEntry({ digest: digest('a') })] });
    const using = stateOf({ images: [imageRecord({ baseImages: ['node-22'] })], bases: [base] });
    const files = new Map([['base-images/node-22.yaml', encodeBase(undefined, base) + '# kept\n']]);
    const without = discover(using, { app: success(found('docker.io/library/alpine:3')) });
    expect([...without.bases.keys()]).toEqual(['alpine-3']);
    const archived = new Map([
      ['_archive/base-images/node-22.yaml', files.get('base-images/node-22.yaml') ?? ''],
    ]);
    expect(stateChanges(using, without, files).get('_archive/base-images/node-22.yaml')).toBe(
      archived.get('_archive/base-images/node-22.yaml'),
    );
    const again = discover(without, { app: success(found('docker.io/library/node:22')) }, archived);
    expect(again.bases.get('node-22')).toEqual(base);
    expect(stateChanges(without, again, archived).get('base-images/node-22.yaml')).toContain('# kept');
  });

  it('gives another reference no name that an archived base or an unreadable file has', () => {
    const archived = new Map([['_archive/base-images/node-22.yaml', encodeBase(undefined, baseRecord())]]);
    const other = discover(
      stateOf({ images: [imageRecord()] }),
      { app: success(found('quay.io/library/node:22')) },
      archived,
    );
    expect([...other.bases.keys()][0]).toMatch(/^node-22-[0-9a-f]{8}$/);
    const broken = new Map([['base-images/node-22.yaml', '[']]);
    const beside = discover(
      stateOf({ images: [imageRecord()] }),
      { app: success(found('docker.io/library/node:22')) },
      broken,
    );
    expect([...beside.bases.keys()][0]).toMatch(/^node-22-[0-9a-f]{8}$/);
  });

  it('keeps bases that an open intent pins, and all of them while a file cannot be read', () => {
    const bases = [baseRecord(), baseRecord({ tag: '20' })];
    const pinned = stateOf({
      bases,
      intents: [intent({ pins: [{ base: 'node-22', reference: 'node:22', digest: digest('a') }] })],
    });
    expect([...discover(pinned, {}).bases.keys()]).toEqual(['node-22']);
    const context = { now, files: new Map<string, string>(), unreadable: new Set(['images/x.yaml']) };
    expect(applyDiscoveries(stateOf({ bases }), new Map(), context).bases.size).toBe(2);
  });

  it('leaves external images alone', () => {
    const state = stateOf({ images: [imageRecord({ discoveryStatus: 'external' })] });
    expect(discover(state, { app: success(found('docker.io/library/node:22')) })).toBe(state);
  });
});
