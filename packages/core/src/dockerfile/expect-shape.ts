import type { PlatformName } from '../reference/types.ts';
import type { BaseDependency, DockerfileAnalysis } from './dependency.ts';
import type { ErrorClass } from './refusal.ts';

export interface ExpectedBase {
  readonly ref: string;
  readonly normalized: string | null;
  readonly kind: BaseDependency['kind'];
  readonly stage: string;
  /** Null for the frontend: it is resolved for the builder. */
  readonly platform: PlatformName | null;
  readonly context?: string;
  readonly onbuild?: true;
  readonly resolvedOnly?: true;
}

/** The stable JSON form of an analysis: dependencies without their places, each once. */
export interface ExpectShape {
  readonly bases: readonly ExpectedBase[];
  readonly error?: ErrorClass;
}

export function toExpectShape(analysis: DockerfileAnalysis): ExpectShape {
  const bases = new Map<string, ExpectedBase>();
  for (const base of analysis.bases) {
    const shape: ExpectedBase = {
      ref: base.ref,
      normalized: base.normalized,
      kind: base.kind,
      stage: base.stage,
      platform: base.kind === 'syntax' ? null : base.platform,
      ...(base.context === undefined ? {} : { context: base.context }),
      ...(base.onbuild ? { onbuild: true } : {}),
    };
    const key = JSON.stringify(shape);
    // Used at one place is used.
    if (!base.resolvedOnly) bases.set(key, shape);
    else if (!bases.has(key)) bases.set(key, { ...shape, resolvedOnly: true });
  }
  return { bases: [...bases.values()], ...(analysis.error ? { error: analysis.error.class } : {}) };
}
