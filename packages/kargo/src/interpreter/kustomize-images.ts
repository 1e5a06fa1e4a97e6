import {
  isMap,
  isNode,
  isScalar,
  isSeq,
  parseDocument,
  Scalar,
  visit,
  YAMLMap,
  YAMLSeq,
  type Document,
} from 'yaml';

/** An entry of `images` in a kustomization. */
export interface KustomizeImageEntry {
  readonly name: string;
  readonly newName?: string | undefined;
  readonly tagSuffix?: string | undefined;
  readonly newTag?: string | undefined;
  readonly digest?: string | undefined;
}

/** In the order of kustomize's own type, in which they are written. */
const fields = ['name', 'newName', 'tagSuffix', 'newTag', 'digest'] as const;
/** Instead of a value: the one that stands there. */
const keep = '*';

/**
 * A kustomization with these images. An entry of the same name is replaced as a whole: what the new one does not have is
 * gone, unless it says `*`. All of them are sorted by name, and the file is written anew: comments stay with the place of
 * their entry in the list, blank lines go, lists lose their indentation. Source: kargo v1.11, kustomize_image_setter.go.
 */
export function withImages(
  text: string,
  wanted: readonly KustomizeImageEntry[],
): string | { readonly error: string } {
  const document = parseDocument(text, { logLevel: 'silent' });
  const [mistake] = document.errors;
  if (mistake) return { error: mistake.message };
  if (!isMap(document.contents)) return { error: 'it holds no mapping' };
  const old = document.get('images');
  if (old !== undefined && old !== null && !isSeq(old)) return { error: 'images is no list' };
  const merged = mergedImages(isSeq(old) ? entriesOf(old) : [], wanted);
  const list = new YAMLSeq(document.schema);
  for (const entry of merged) list.items.push(entryNode(document, entry));
  if (isSeq(old)) keepComments(old, list);
  document.set('images', list);
  visit(document, {
    Node: (_key, node) => {
      node.spaceBefore = false;
    },
    Pair: (_key, { key }) => {
      if (isNode(key)) key.spaceBefore = false;
    },
  });
  return document.toString({ indentSeq: false, lineWidth: 0, flowCollectionPadding: false });
}

function mergedImages(
  current: readonly KustomizeImageEntry[],
  wanted: readonly KustomizeImageEntry[],
): readonly KustomizeImageEntry[] {
  const before = new Map(current.map((entry) => [entry.name, entry]));
  const kept = (entry: KustomizeImageEntry, field: 'newName' | 'newTag' | 'digest') =>
    entry[field] === keep ? before.get(entry.name)?.[field] : entry[field];
  const all = new Map([
    ...before,
    ...wanted.map((entry): [string, KustomizeImageEntry] => [
      entry.name,
      {
        ...entry,
        newName: kept(entry, 'newName'),
        newTag: kept(entry, 'newTag'),
        digest: kept(entry, 'digest'),
      },
    ]),
  ]);
  return [...all.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

/** Fields that kustomize does not know are lost; values are text, however they look. */
function entriesOf(list: YAMLSeq): readonly KustomizeImageEntry[] {
  return list.items.map((item) => {
    const entry: Record<string, string> = {};
    for (const field of fields) {
      const node: unknown = isMap(item) ? item.get(field, true) : undefined;
      if (isScalar(node) && node.value !== null) entry[field] = node.source ?? '';
    }
    return { name: '', ...entry };
  });
}

function entryNode(document: Document, entry: KustomizeImageEntry): YAMLMap {
  const node = new YAMLMap(document.schema);
  for (const field of fields) {
    const value = entry[field];
    if (value === undefined || value === '') continue;
    const scalar = new Scalar(value);
    if (looksLikeAnother.test(value)) scalar.type = Scalar.QUOTE_DOUBLE;
    node.set(field, scalar);
  }
  return node;
}

/** Of an older YAML, beside what the newer one takes for a number or a truth value: dates, base 60, `yes` and the like. */
const looksLikeAnother =
  /^(?:[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}.*|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9]*)?|y|n|yes|no|on|off|[-+]?0[xob]?[0-9a-f_]+)$/i;

function keepComments(from: YAMLSeq, to: YAMLSeq): void {
  to.flow = from.flow === true;
  copyComments(from, to);
  for (const [index, item] of to.items.entries()) {
    const before: unknown = from.items[index];
    if (!isMap(item) || !isMap(before)) continue;
    copyComments(before, item);
    for (const { key, value } of item.items) {
      const old: unknown = before.get(key, true);
      if (isScalar(old) && isScalar(value)) copyComments(old, value);
    }
  }
}

interface Commented {
  comment?: string | null | undefined;
  commentBefore?: string | null | undefined;
}

function copyComments(from: Commented, to: Commented): void {
  to.comment = from.comment;
  to.commentBefore = from.commentBefore;
}
