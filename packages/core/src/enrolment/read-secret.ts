import { addProblem, looksSecret, within, type Scope } from './findings.ts';
import type { SecretReference } from './provider-settings.ts';
import type { ProvidersShape } from './providers-schema.ts';
import { hasControlCharacter } from './read-path.ts';

export type SecretShape = NonNullable<ProvidersShape['gitea']>['token'];

/**
 * Where a secret is that others show to us. Git is not asked for it: its credentials are for an address and may do more
 * there, and whoever sends anything to the server would have git's helpers run.
 */
export function readOwnSecret(shape: SecretShape, scope: Scope): SecretReference | undefined {
  const secret = readSecret(shape, scope);
  if (secret?.kind !== 'git-credential') return secret;
  addProblem(
    within(scope, 'gitCredential'),
    'CONFIG_CONFLICT',
    'git cannot be asked for this secret: it is shown to us, and is for no address',
    'Name a variable or a file: { env: NAME } or { file: PATH }.',
  );
  return undefined;
}

/** Where a secret is; a secret that stands in the file itself is refused and not repeated. */
export function readSecret(shape: SecretShape, scope: Scope): SecretReference | undefined {
  if (!shape) return undefined;
  const said = (['env', 'file', 'gitCredential'] as const).filter(
    (key) => shape[key] !== undefined && shape[key] !== false,
  );
  if (said.length !== 1) {
    addProblem(
      scope,
      'CONFIG_INVALID_VALUE',
      `a secret is named by exactly one of env, file and gitCredential; got ${said.length === 0 ? 'none' : said.join(' and ')}`,
      'Example: token: { env: FACTORY_TOKEN }.',
    );
    return undefined;
  }
  if (said[0] === 'gitCredential') return { kind: 'git-credential' };
  if (said[0] === 'file') {
    const path = shape.file ?? '';
    if (path !== '' && path.length <= 4096 && !hasControlCharacter(path) && !looksSecret(path))
      return { kind: 'file', path };
    addProblem(
      within(scope, 'file'),
      'CONFIG_INVALID_VALUE',
      'file is not a path',
      'Write the path of a file that holds the secret, never the secret itself.',
    );
    return undefined;
  }
  const name = shape.env ?? '';
  const isName = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/.test(name);
  if (isName && !looksSecret(name) && !/^[0-9a-fA-F]{32,}$/.test(name)) return { kind: 'env', name };
  // What stands here may be the secret itself: it is not repeated.
  addProblem(
    within(scope, 'env'),
    'CONFIG_INVALID_VALUE',
    'env is not the name of an environment variable',
    'Write the name of the variable, never the secret; replace the secret if it was committed here.',
  );
  return undefined;
}
