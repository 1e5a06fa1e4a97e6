import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';

/** The id that git gives to this content. */
export function blobId(content: string | Uint8Array): string {
  const length = typeof content === 'string' ? Buffer.byteLength(content, 'utf8') : content.length;
  return createHash('sha1').update(`blob ${length}\0`).update(content).digest('hex');
}
