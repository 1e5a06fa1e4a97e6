import { Buffer } from 'node:buffer';
import { hash } from 'node:crypto';

/** The id that git gives to this content. */
export function blobId(content: string | Uint8Array): string {
  if (typeof content === 'string')
    return hash('sha1', `blob ${Buffer.byteLength(content, 'utf8')}\0${content}`);
  return hash('sha1', Buffer.concat([Buffer.from(`blob ${content.length}\0`), content]));
}
