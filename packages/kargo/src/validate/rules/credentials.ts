import { kargoKeys } from '../../manifests/manifest.ts';
import { child, items, isThere, quoted, reach, textOf, type At } from '../at.ts';
import type { Identity } from '../resource.ts';
import type { Rule } from '../rule.ts';

const kinds = ['Secret', 'ExternalSecret'];
const types = ['git', 'helm', 'image', 'generic'];
const longestBase64 = 4096;

/** The label that makes a Secret, or what an ExternalSecret makes, credentials of Kargo's. */
function typeOf({ root, kind }: Identity): At {
  const metadata =
    kind === 'Secret' ? reach(root, 'metadata') : reach(root, 'spec', 'target', 'template', 'metadata');
  return reach(metadata, 'labels', kargoKeys.credentialType);
}

/** Where a key of the Secret stands: as text, in base 64, or filled in from elsewhere. */
function keyOf({ root, kind }: Identity, key: string): At {
  if (kind === 'Secret') {
    const plain = reach(root, 'stringData', key);
    return isThere(plain) ? plain : reach(root, 'data', key);
  }
  const filled = items(reach(root, 'spec', 'data')).find((at) => textOf(child(at, 'secretKey')) === key);
  return filled ?? reach(root, 'spec', 'target', 'template', 'data', key);
}

/** The value of a key that is no secret; undefined where it is filled in from elsewhere. */
function valueOf(resource: Identity, key: string): string | undefined {
  const at = keyOf(resource, key);
  const text = textOf(at);
  const isEncoded = resource.kind === 'Secret' && at.parent?.key === 'data';
  return isEncoded ? decoded(text ?? '') : text;
}

function decoded(text: string): string | undefined {
  if (text.length > longestBase64) return undefined;
  try {
    return atob(text.trim());
  } catch {
    return undefined;
  }
}

/** Rules for credentials. Values are never shown: they may be secrets. */
export const credentialRules = {
  'credential-type': {
    severity: 'error',
    description: `The label ${kargoKeys.credentialType} has a value that Kargo does not know: the credentials are never used.`,
    source: 'practice',
    hint: `Use ${types.join(', ')}.`,
    kinds,
    *check(resource) {
      const at = typeOf(resource);
      const type = textOf(at);
      if (type !== undefined && !types.includes(type))
        yield { at, message: `expected ${types.join(', ')}, got ${quoted(type)}` };
    },
  },
  'credential-repo-url': {
    severity: 'error',
    description: 'Credentials for a repository name none: they match nothing.',
    source: 'practice',
    hint: 'Add repoURL, and repoURLIsRegex: "true" if it is an expression.',
    kinds,
    *check(resource) {
      const type = textOf(typeOf(resource)) ?? 'generic';
      const at = keyOf(resource, 'repoURL');
      if (types.includes(type) && type !== 'generic' && !isThere(at))
        yield { at, message: 'expected repoURL, got none' };
    },
  },
  'credential-http': {
    severity: 'warning',
    description:
      'Credentials are for a repository at http://: Kargo withholds them unless it is told otherwise.',
    source: 'practice',
    hint: 'Use https, or run Kargo with ALLOW_CREDENTIALS_OVER_HTTP=true.',
    kinds,
    *check(resource) {
      const isCredential = isThere(typeOf(resource));
      if (isCredential && (valueOf(resource, 'repoURL') ?? '').startsWith('http://'))
        yield { at: keyOf(resource, 'repoURL'), message: 'expected https, got http' };
    },
  },
  'credential-ssh-key': {
    severity: 'warning',
    description: 'Credentials are an ssh key; Kargo removes git over ssh in 1.13.',
    source: 'practice',
    hint: 'Use a token as password, and https.',
    kinds,
    *check(resource) {
      const at = keyOf(resource, 'sshPrivateKey');
      if (isThere(typeOf(resource)) && isThere(at)) yield { at, message: 'expected a token, got an ssh key' };
    },
  },
  'credential-shadowed': {
    severity: 'warning',
    description:
      'Credentials with an expression for repoURL come before others of their type by name: Kargo takes the first that matches, exact or not.',
    source: 'practice',
    hint: 'Give the Secret with the expression a name that sorts last, such as zz-….',
    kinds,
    *check(resource, set) {
      if (valueOf(resource, 'repoURLIsRegex') !== 'true') return;
      const type = textOf(typeOf(resource));
      const later = kinds
        .flatMap((kind) => set.of(kind, resource.namespace))
        .find(
          (other) =>
            textOf(typeOf(other)) === type &&
            isThere(keyOf(other, 'repoURL')) &&
            valueOf(other, 'repoURLIsRegex') !== 'true' &&
            other.name > resource.name,
        );
      if (type !== undefined && type !== 'generic' && later)
        yield {
          at: keyOf(resource, 'repoURLIsRegex'),
          message: `it may be taken before ${quoted(later.name)}`,
        };
    },
  },
} satisfies Readonly<Record<string, Rule>>;
