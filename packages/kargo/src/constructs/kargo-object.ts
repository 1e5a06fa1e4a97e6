import { ApiObject, Chart } from 'cdk8s';
import type { Construct } from 'constructs';
import type { Manifest } from '../manifests/any-manifest.ts';

/** What a construct may be told of its metadata; the rest comes from the chart, as everywhere in cdk8s. */
export interface ConstructMeta {
  /** @default a name made of the construct's path */
  readonly name?: string;
  /** @default the chart's namespace */
  readonly namespace?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** Everything of a manifest but what its kind says and its metadata. */
export type Body<M extends Manifest> = Omit<M, 'apiVersion' | 'kind' | 'metadata'>;

export interface KindOf<M extends Manifest> {
  readonly apiVersion: M['apiVersion'];
  readonly kind: M['kind'];
}

/** An ApiObject of a known kind with typed contents. */
export class TypedObject<M extends Manifest> extends ApiObject {
  /** @throws Error where the kind belongs into a namespace and neither the metadata nor the chart names one */
  constructor(
    scope: Construct,
    id: string,
    kind: KindOf<M>,
    place: 'namespace' | 'cluster',
    props: Body<M> & { readonly metadata?: ConstructMeta },
  ) {
    const namespace =
      place === 'namespace' ? (props.metadata?.namespace ?? Chart.of(scope).namespace) : undefined;
    if (place === 'namespace' && namespace === undefined)
      throw new Error(`${kind.kind} ${id}: expected a namespace in its metadata or its chart, got none`);
    super(scope, id, {
      ...props,
      ...kind,
      metadata: { ...props.metadata, ...(namespace === undefined ? {} : { namespace }) },
    });
  }
}

/** A manifest with its keys in the order that people expect; the same function makes it for constructs and without them. */
export function manifestOf<M extends Manifest>(
  kind: KindOf<M>,
  metadata: M['metadata'],
  body: Body<M>,
): KindOf<M> & { readonly metadata: M['metadata'] } & Body<M> {
  return { ...kind, metadata, ...body };
}
