import type { Settings } from '@image-factory/core/enrolment/types.ts';
import { err, ok, type Result } from '@image-factory/core/result.ts';
import { isDnsLabel } from '../validate/forms.ts';

/** Where the pod has the token that Kargo brings. A file, so that it is rotated without a restart. */
export const serverTokenFile = '/var/run/secrets/image-factory/server/token';

/** A server that `kargo.server` places into the namespace of the Jobs. */
export interface OwnServer {
  /** Name of its Service. */
  readonly name: string;
  readonly port: number;
  /** Variable that the token is read from; undefined: {@link serverTokenFile}. */
  readonly tokenVariable: string | undefined;
}

const usualPort = 80;

/**
 * `http://NAME.NAMESPACE.svc:PORT`, with the domain of the cluster or without, is a Service of the namespace
 * (Kubernetes, "DNS for Services and Pods"). Any other address is a server that somebody else runs, and https is too:
 * ours has no TLS of its own. What is wrong about it else.
 */
export function readOwnServer({
  kargo,
  server,
}: Pick<Settings, 'kargo' | 'server'>): Result<
  OwnServer | undefined,
  { readonly message: string; readonly hint: string }
> {
  const url = kargo.server === undefined ? null : URL.parse(kargo.server);
  if (url?.protocol !== 'http:') return ok(undefined);
  const [name = '', namespace, service] = url.hostname.split('.');
  if (namespace !== kargo.namespace || service !== 'svc') return ok(undefined);
  // Services have to begin with a letter (RFC 1035).
  if (!isDnsLabel(name) || !/^[a-z]/.test(name))
    return err({
      message: `kargo.server is at ${url.hostname}, and no Service can be called ${name}`,
      hint: `Write http://image-factory.${kargo.namespace}.svc.`,
    });
  if (url.pathname !== '/')
    return err({
      message: `kargo.server has the path ${url.pathname}, and the server that is generated has none`,
      hint: `Write http://${url.host}.`,
    });
  const { token } = server;
  const isFile = token?.kind === 'file' && token.path === serverTokenFile;
  if (!isFile && token?.kind !== 'env')
    return err({
      message:
        'kargo.server is a Service of the namespace, and server.token is not where its pods have the token of Kargo',
      hint: `Set server: { token: { file: ${serverTokenFile} } } in factory.yaml, or a variable ({ env: ... }).`,
    });
  return ok({
    name,
    port: url.port === '' ? usualPort : Number(url.port),
    tokenVariable: token.kind === 'env' ? token.name : undefined,
  });
}
