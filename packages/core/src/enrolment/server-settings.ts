import type { SecretReference } from './provider-settings.ts';

/** How `image-factory serve` is reached. */
export interface ServerSettings {
  readonly listen: { readonly host: string; readonly port: number };
  /** Bearer token of those that may have rebuilds started; undefined: nobody may. */
  readonly token: SecretReference | undefined;
}

export const defaultServer: ServerSettings = {
  // Of this machine only: whoever opens it to others says so.
  listen: { host: '127.0.0.1', port: 8480 },
  token: undefined,
};

/** `host:port`; the host is an address or a name, an IPv6 address in brackets. */
export function parseListen(written: string): ServerSettings['listen'] | undefined {
  const match = /^(?:\[([0-9a-f:.]{2,45})\]|([a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?)):(\d{1,5})$/i.exec(
    written,
  );
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  return host !== undefined && port <= 65_535 ? { host, port } : undefined;
}
