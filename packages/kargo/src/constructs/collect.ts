import { ApiObject } from 'cdk8s';
import type { IConstruct } from 'constructs';
import type { KubernetesManifest } from '../manifests/manifest.ts';
import { inStableOrder } from './order.ts';
import { yamlText } from './yaml-text.ts';

/**
 * The manifests of all ApiObjects below a construct, an App or Chart for example, in {@link inStableOrder}. It asks each
 * object for its own and does without the graph of dependencies that cdk8s makes of the whole app for each chart: order is
 * by kind, which is what a cluster needs.
 *
 * @throws Error with all that the constructs' own validations complain of
 */
export function manifestsOf(scope: IConstruct): readonly KubernetesManifest[] {
  const all = scope.node.findAll();
  const mistakes = all.flatMap((construct) =>
    construct.node.validate().map((mistake) => `${construct.node.path}: ${mistake}`),
  );
  if (mistakes.length > 0) throw new Error(`expected valid constructs, got:\n${mistakes.join('\n')}`);
  return inStableOrder(all.filter(isApiObject).map((object) => object.toJson() as KubernetesManifest));
}

/** The same as YAML: one text, byte for byte the same whenever the constructs are. */
export function yamlOf(scope: IConstruct): string {
  return yamlText(manifestsOf(scope));
}

function isApiObject(construct: IConstruct): construct is ApiObject {
  return ApiObject.isApiObject(construct);
}
