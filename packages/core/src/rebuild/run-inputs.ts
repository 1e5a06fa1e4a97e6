import type { BuildRequest } from '../ports/builder.ts';
import type { Dependency, Pin } from '../state/types.ts';

/** What a run is given, by the names that its inputs have. All are text: CI systems know nothing else. */
export interface RunInputs {
  readonly factory_key: string;
  readonly factory_attempt: string;
  readonly factory_image: string;
  readonly factory_reason: string;
  /** The commit that the decision was made on; empty if unknown. */
  readonly factory_commit: string;
  /** JSON: a list of `{ "reference", "digest" }`, sorted; the base that the final image starts with has `"final": true`. */
  readonly factory_pins: string;
  /** One `name=docker-image://repository@digest` a line, as docker/build-push-action takes them. */
  readonly factory_build_contexts: string;
  /** The same as command-line flags, for `docker buildx build`; no word of it needs quoting. */
  readonly factory_build_flags: string;
  /** One `NAME=reference@digest` a line, for Dockerfiles that take a whole base by argument. */
  readonly factory_build_args: string;
}

/**
 * The inputs of a run: nine of them, because GitHub allowed ten for years and some servers still do.
 *
 * BuildKit looks a base up among the named contexts by its expanded and normalised name, so that one key per reference
 * pins it without a change to the Dockerfile. A reference with a digest is never overridden (brief 4.3.4).
 */
export function runInputs(
  request: Pick<BuildRequest, 'key' | 'attempt' | 'reason' | 'commit' | 'pins' | 'dependencies'> & {
    readonly image: { readonly name: string };
  },
): RunInputs {
  const { pins, dependencies } = request;
  const contexts = sorted(
    pins.flatMap((pin) => (pin.reference.includes('@') ? [] : [`${pin.reference}=${contextOf(pin)}`])),
  );
  const base = finalBase(dependencies);
  return {
    factory_key: request.key,
    factory_attempt: String(request.attempt),
    factory_image: request.image.name,
    factory_reason: request.reason,
    factory_commit: request.commit ?? '',
    factory_pins: JSON.stringify(
      pins
        .map(({ reference, digest }) => ({
          reference,
          digest,
          ...(reference === base ? { final: true } : {}),
        }))
        .toSorted((a, b) => (a.reference < b.reference ? -1 : 1)),
    ),
    factory_build_contexts: contexts.join('\n'),
    factory_build_flags: contexts.map((context) => `--build-context ${context}`).join(' '),
    factory_build_args: sorted(dependencies.flatMap((dependency) => argumentOf(dependency, pins))).join('\n'),
  };
}

/** Where it is the same on every platform; a build says it in its annotations. */
function finalBase(dependencies: readonly Dependency[]): string | undefined {
  const references = new Set(
    dependencies.filter(({ final, kind }) => final && kind === 'from').map(({ reference }) => reference),
  );
  return references.size === 1 ? [...references][0] : undefined;
}

function contextOf({ reference, digest }: Pin): string {
  return `docker-image://${withoutTag(reference)}@${digest}`;
}

/** `FROM $BASE` or `FROM ${BASE:-...}`: the argument is the whole base. */
function argumentOf({ written, reference }: Dependency, pins: readonly Pin[]): readonly string[] {
  const name = /^"?\$(?:([A-Za-z_]\w*)|\{([A-Za-z_]\w*)(?::?-[^{}]*)?\})"?$/.exec(written)?.slice(1).join('');
  const pin = pins.find((each) => each.reference === reference);
  return name && pin && !reference.includes('@') ? [`${name}=${withoutTag(reference)}@${pin.digest}`] : [];
}

function withoutTag(reference: string): string {
  return reference.replace(/@.*$/, '').replace(/:[^/:]*$/, '');
}

function sorted(lines: readonly string[]): readonly string[] {
  return [...new Set(lines)].toSorted();
}
