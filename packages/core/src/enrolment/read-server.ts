import { z } from 'zod';
import { addProblem, shown, within, type Scope } from './findings.ts';
import { secret } from './providers-schema.ts';
import { readOwnSecret } from './read-secret.ts';
import { text } from './schema-parts.ts';
import { defaultServer, parseListen, type ServerSettings } from './server-settings.ts';

export const serverShape = z
  .strictObject({
    listen: text({
      title: 'host:port',
      description:
        'Where `image-factory serve` listens. Plain HTTP: others reach it through a proxy that has TLS.',
      default: '127.0.0.1:8480',
      examples: ['0.0.0.0:8480', '[::1]:8480'],
    }),
    token: secret(
      'Bearer token of those that may have rebuilds started, as Kargo does, by reference. Without it nobody may.',
    ),
  })
  .meta({ description: 'The HTTP server of `image-factory serve`.' });

export function readServer(shape: z.infer<typeof serverShape> | undefined, scope: Scope): ServerSettings {
  return {
    listen: readListen(shape?.listen, within(scope, 'listen')),
    token: readOwnSecret(shape?.token, within(scope, 'token')),
  };
}

function readListen(written: string | undefined, scope: Scope): ServerSettings['listen'] {
  if (written === undefined) return defaultServer.listen;
  const listen = parseListen(written);
  if (listen) return listen;
  addProblem(
    scope,
    'CONFIG_INVALID_VALUE',
    `listen ${shown(written)} is not host:port`,
    'Write 127.0.0.1:8480, 0.0.0.0:8480 or [::1]:8480.',
  );
  return defaultServer.listen;
}
