import { COLLECTION_STYLE, dump, visit } from 'js-yaml';
import type { Problem } from '../problem.ts';
import { err, ok, type Result } from '../result.ts';
import { isMapping } from './older-keys.ts';
import { insertEntry } from './insert-entry.ts';
import { readYaml, type YamlFile } from './yaml-file.ts';

/** An entry as it is to be written: keys in the order in which they shall stand. */
export type NewEntry = Readonly<Record<string, unknown>>;

/** The entry as one item of a list, ending with a line break. Lists of plain values stand on one line. */
export function renderEnrolmentYaml(entry: NewEntry): string {
  return dump([withoutUndefined(entry)], {
    lineWidth: -1,
    quoteStyle: 'double',
    noRefs: true,
    transform: (documents) => {
      visit(documents, (node) => {
        if (node.kind === 'sequence' && node.items.every((item) => item.kind === 'scalar')) {
          node.style = COLLECTION_STYLE.FLOW;
        }
      });
    },
  });
}

/**
 * Adds an entry at the end of an images.yaml of either form, or of an empty one; every other character of the file
 * stays. Fails where the text is not valid YAML or not an images file.
 */
export function addEnrolment(imagesYaml: string, entry: NewEntry): Result<string, Problem> {
  const before = readYaml({ path: 'images.yaml', text: imagesYaml });
  const [mistake] = before.problems;
  if (!before.yaml) return err(mistake ?? cannotAdd('the file cannot be read'));
  const list = imagesOf(before.yaml.root);
  if (!list) return err(cannotAdd('the file holds neither a list of images nor a mapping with "images"'));
  for (const text of insertEntry(before.yaml, renderEnrolmentYaml(entry))) {
    if (isExtended(list, entry, readYaml({ path: 'images.yaml', text }).yaml)) return ok(text);
  }
  return err(cannotAdd('its list of images is written in a form that cannot be extended'));
}

/** The list of either form; an empty file and a mapping without images hold an empty one. */
function imagesOf(root: unknown): readonly unknown[] | undefined {
  if (root === null) return [];
  if (Array.isArray(root)) return root as unknown[];
  if (!isMapping(root) || Object.hasOwn(root, 'name')) return undefined;
  const images = root['images'] ?? [];
  return Array.isArray(images) ? (images as unknown[]) : undefined;
}

/** The text was edited, not the value: only when it reads back as the old entries and the new one is it right. */
function isExtended(list: readonly unknown[], entry: NewEntry, yaml: YamlFile | undefined): boolean {
  const after = yaml && imagesOf(yaml.root);
  return after !== undefined && JSON.stringify(after) === JSON.stringify([...list, withoutUndefined(entry)]);
}

function withoutUndefined(entry: NewEntry): unknown {
  return JSON.parse(JSON.stringify(entry)) as unknown;
}

function cannotAdd(reason: string): Problem {
  return {
    code: 'CONFIG_INVALID_VALUE',
    message: `the entry cannot be added to images.yaml: ${reason}`,
    hint: 'Write the list with one "- name: ..." per image, or put the new entry into a file of its own under images.d/.',
    place: { file: 'images.yaml' },
  };
}
