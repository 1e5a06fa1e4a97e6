import { z } from 'zod';
import { mergeFields, type SharedFields } from './fields.ts';
import { addProblem, shown, within, type Scope } from './findings.ts';
import { defaultsShape } from './images-schema.ts';
import { isMapping } from './older-keys.ts';
import { readEntry, type ReadEntry } from './read-entry.ts';
import type { Memory } from './memory.ts';
import { readShared } from './read-shared.ts';
import { checkShape } from './shape-check.ts';

const topShape = z.strictObject({ defaults: z.unknown().optional(), images: z.unknown().optional() });

/** The entries of one images file, and its defaults on top of the inherited ones. */
export function readImages(
  scope: Scope,
  inherited: SharedFields,
  memory: Memory,
): { readonly entries: readonly ReadEntry[]; readonly defaults: SharedFields } {
  const { root } = scope.yaml;
  if (root === null) return { entries: [], defaults: inherited };
  if (Array.isArray(root)) return { entries: readList(root, scope, inherited, memory), defaults: inherited };
  if (!isMapping(root)) {
    addProblem(
      scope,
      'CONFIG_INVALID_VALUE',
      `the file must hold a list of images, or a mapping with "defaults" and "images"; got ${shown(root)}`,
      'Start with "- name: ...".',
    );
    return { entries: [], defaults: inherited };
  }
  if (Object.hasOwn(root, 'name') && !Object.hasOwn(root, 'images')) {
    addProblem(
      scope,
      'CONFIG_INVALID_VALUE',
      'the file holds one entry instead of a list',
      'Put "- " before its first key and indent the others.',
    );
    return { entries: [], defaults: inherited };
  }
  checkShape(topShape, root, scope);
  const own = readDefaults(root['defaults'], within(scope, 'defaults'), memory);
  const defaults = own ? mergeFields(inherited, own) : inherited;
  const images = root['images'] ?? [];
  if (Array.isArray(images)) {
    return { entries: readList(images, within(scope, 'images'), defaults, memory), defaults };
  }
  addProblem(
    within(scope, 'images'),
    'CONFIG_INVALID_VALUE',
    `images must be a list; got ${shown(images)}`,
    'Start each image with "- name: ...".',
  );
  return { entries: [], defaults };
}

function readList(
  list: readonly unknown[],
  scope: Scope,
  defaults: SharedFields,
  memory: Memory,
): ReadEntry[] {
  return list
    .map((raw, index) => readEntry(raw, within(scope, index), defaults, memory))
    .filter((entry) => entry !== undefined);
}

function readDefaults(raw: unknown, scope: Scope, memory: Memory): SharedFields | undefined {
  if (raw === undefined || raw === null) return undefined;
  const shape = checkShape(defaultsShape, raw, scope);
  return shape && isMapping(raw) ? readShared(shape, raw, scope, memory) : undefined;
}
