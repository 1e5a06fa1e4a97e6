import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface CertificateAuthority {
  /** File with its certificate (PEM). */
  readonly file: string;
  /** A certificate of `localhost` that it signed, with its key. */
  readonly localhost: { readonly key: string; readonly cert: string };
}

/** A certificate authority of its own that nobody knows, in files of this folder; by the openssl of this machine. */
export function createAuthority(folder: string, name = 'Private CA'): CertificateAuthority {
  const at = (file: string): string => join(folder, `${name.replaceAll(' ', '-')}-${file}`);
  const openssl = (words: string, files: Readonly<Record<string, string>>): void => {
    const named = Object.entries(files).flatMap(([option, file]) => [`-${option}`, at(file)]);
    execFileSync('openssl', [...words.split(' '), ...named], { stdio: 'ignore' });
  };
  const fresh = '-newkey rsa:2048 -nodes';
  openssl(`req -x509 ${fresh} -days 2 -subj /CN=${name.replaceAll(' ', '-')}`, {
    keyout: 'ca.key',
    out: 'ca.pem',
  });
  openssl(`req ${fresh} -subj /CN=localhost`, { keyout: 'key.pem', out: 'request.pem' });
  writeFileSync(at('names.txt'), 'subjectAltName=DNS:localhost\n');
  openssl('x509 -req -days 2 -CAcreateserial', {
    in: 'request.pem',
    out: 'cert.pem',
    CA: 'ca.pem',
    CAkey: 'ca.key',
    extfile: 'names.txt',
  });
  return {
    file: at('ca.pem'),
    localhost: { key: readFileSync(at('key.pem'), 'utf8'), cert: readFileSync(at('cert.pem'), 'utf8') },
  };
}
