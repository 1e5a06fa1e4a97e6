import { dependenciesOf } from '@image-factory/core/dockerfile/analyse.ts';
import type { ManagedEnrolment } from '@image-factory/core/enrolment/types.ts';
import type { BuildRequest } from '@image-factory/core/ports/builder.ts';
import type { Digest, PlatformName } from '@image-factory/core/reference/types.ts';
import type { Dependency } from '@image-factory/core/state/types.ts';
import { enrolment as managed } from '@image-factory/testing/records.ts';

export function dependency(reference: string, fields: Partial<Dependency> = {}): Dependency {
  return {
    reference,
    kind: 'from',
    stage: '0',
    platform: 'linux/amd64' as PlatformName,
    final: true,
    base: reference.replace(/[^a-z0-9]+/g, '-'),
    written: reference,
    range: '1:1-1:1',
    ...fields,
  };
}

/** What discovery reads in a Dockerfile: the words that the builder gets for its pins. */
export function discovered(dockerfile: string): readonly Dependency[] {
  return dependenciesOf(dockerfile).bases.map(({ normalized, kind, stage, platform, final, written }) =>
    dependency(normalized ?? '', { kind, stage, platform, final, written }),
  );
}

export function enrolment(
  host: string,
  fields: Omit<Partial<ManagedEnrolment>, 'kind' | 'source'> = {},
  source: Partial<ManagedEnrolment['source']> = {},
): ManagedEnrolment {
  const team = { registry: host, repository: 'team/app', tags: ['1'], rebuildDelay: 0, raw: {} };
  return managed({ ...team, ...fields, source });
}

export function pin(reference: string, digest: Digest): BuildRequest['pins'][number] {
  return { base: reference.replace(/[^a-z0-9]+/g, '-'), reference, digest };
}
