import { familiarReference, parseNamed } from '../reference/parse.ts';
import type { Reference } from '../reference/types.ts';
import { UnreadableValue } from './fields.ts';
import type { BaseRecord } from './types.ts';

interface BaseReference {
  readonly fullImage: string;
  readonly registry: string;
  readonly repository: string;
  readonly tag?: string;
}

/**
 * The reference of a base file. `fullImage` is what the Dockerfile said, so it wins over the parts beside it, which the
 * older tool got wrong for registries with a port, for digests and for tags that look like numbers.
 */
export function baseReferenceOf(raw: Readonly<Record<string, unknown>>): BaseReference {
  const written = wordOf(raw['tag']);
  const full = wordOf(raw['fullImage']);
  const parsed = full === undefined ? undefined : named(full);
  if (full !== undefined && parsed) return parts(full, parsed, parsed.tag ?? written);

  const registry = wordOf(raw['registry']) ?? 'docker.io';
  const repository = wordOf(raw['repository']);
  const whole = repository === undefined ? wordOf(raw['repoURL']) : `${registry}/${repository}`;
  const reference = whole === undefined ? undefined : named(whole);
  if (!reference) {
    const fault = new UnreadableValue(
      'expected a valid image reference in fullImage, or registry and repository',
    );
    fault.path.push('fullImage');
    throw fault;
  }
  const tagged = { ...reference, ...(written === undefined ? {} : { tag: written }) };
  return parts(full ?? familiarReference(tagged), reference, written);
}

function parts(fullImage: string, { domain, path }: Reference, tag: string | undefined): BaseReference {
  return { fullImage, registry: domain, repository: path, ...(tag === undefined ? {} : { tag }) };
}

function named(text: string): Reference | undefined {
  const parsed = parseNamed(text);
  return parsed.ok ? parsed.value : undefined;
}

function wordOf(value: unknown): string | undefined {
  if (typeof value === 'string' && value !== '') return value;
  return typeof value === 'number' ? String(value) : undefined;
}

/** What identifies a base among all: its normalised reference with tag, without digest. */
export function baseKey(base: Pick<BaseRecord, 'registry' | 'repository' | 'tag'>): string {
  return `${base.registry}/${base.repository}:${base.tag ?? 'latest'}`;
}
