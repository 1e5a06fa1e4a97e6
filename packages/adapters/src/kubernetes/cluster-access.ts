import { join } from 'node:path';
import { FactoryError } from '@image-factory/core/problem.ts';

/** How a pod reaches the API server of its cluster. */
export interface ClusterAccess {
  /** Its root: https, without a slash at its end. */
  readonly server: string;
  /** File with the token of the ServiceAccount; Kubernetes replaces its content while the pod runs. */
  readonly tokenFile: string;
  /** File with the certificate authority of the cluster, the only one that is trusted. */
  readonly caFile: string;
  /** File with the name of the pod's namespace. */
  readonly namespaceFile: string;
}

/** Where Kubernetes puts what belongs to a ServiceAccount. */
const serviceAccountFolder = '/var/run/secrets/kubernetes.io/serviceaccount';

/**
 * Access as Kubernetes gives it to a pod: an address in the environment, files in a folder. Throws USAGE outside of a pod.
 * Source: Kubernetes documentation, "Accessing the Kubernetes API from a Pod", without a client library.
 */
export function inCluster(
  env: Readonly<Record<string, string | undefined>>,
  folder = serviceAccountFolder,
): ClusterAccess {
  const host = env['KUBERNETES_SERVICE_HOST'] ?? '';
  const port = env['KUBERNETES_SERVICE_PORT_HTTPS'] ?? env['KUBERNETES_SERVICE_PORT'] ?? '443';
  const server = host === '' ? null : URL.parse(`https://${host.includes(':') ? `[${host}]` : host}:${port}`);
  if (server === null || server.pathname !== '/' || server.username !== '' || server.search !== '') {
    throw new FactoryError({
      code: 'USAGE',
      message: 'this is no pod: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT name no API server',
      hint: 'Let the CronJob of kustomize/image-factory/components/spread-looks run it.',
    });
  }
  return {
    server: server.origin,
    tokenFile: join(folder, 'token'),
    caFile: join(folder, 'ca.crt'),
    namespaceFile: join(folder, 'namespace'),
  };
}
