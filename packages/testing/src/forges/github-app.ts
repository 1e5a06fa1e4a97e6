import { createVerify, type KeyObject } from 'node:crypto';
import { formatInstant, hour, type Instant } from '@image-factory/core/time.ts';
import { thing } from './github-answers.ts';
import { bodyOf, refusal } from './github-replies.ts';
import type { GithubToken } from './github-state.ts';
import type { ForgeReply, ForgeCall } from './serve-forge.ts';

export interface GithubApp {
  readonly key: KeyObject;
  /** Installation ids of the accounts that it is on. */
  readonly installations: Map<string, number>;
}

/** What an App may ask in its own name; its tokens are entered in `tokens`, and live for an hour. */
export function answerApp(
  { method, path, headers }: ForgeCall,
  apps: ReadonlyMap<string, GithubApp>,
  tokens: Map<string, GithubToken>,
  now: Instant,
): ForgeReply {
  const jwt = /^[Bb]earer (.+)$/.exec(headers['authorization'] ?? '')?.[1] ?? '';
  const [head = '', payload = '', signature = ''] = jwt.split('.');
  const claims = bodyOf(Buffer.from(payload, 'base64url').toString('utf8'));
  const app = apps.get(String(claims['iss']));
  const signed = createVerify('RSA-SHA256').update(`${head}.${payload}`);
  if (!app || !signed.verify(app.key, signature, 'base64url'))
    return refusal(401, 'A JSON web token could not be decoded');
  const owner = /^\/repos\/([^/]+)\/[^/]+\/installation$/.exec(path)?.[1];
  if (method === 'GET' && owner !== undefined) {
    const id = app.installations.get(owner);
    return id === undefined
      ? refusal(404, 'Not Found')
      : { status: 200, body: thing('installation', { id }) };
  }
  const id = Number(/^\/app\/installations\/(\d+)\/access_tokens$/.exec(path)?.[1]);
  if (method !== 'POST' || ![...app.installations.values()].includes(id)) return refusal(404, 'Not Found');
  const token = `ghs_${tokens.size + 1}`;
  const expiresAt = now + hour;
  const permissions = { actions: 'write', contents: 'write', metadata: 'read' } as const;
  tokens.set(token, { permissions, expiresAt, owner: 'integration' });
  return { status: 201, body: { token, expires_at: formatInstant(expiresAt), permissions } };
}
