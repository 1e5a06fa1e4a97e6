/** One entry of a layer. Paths have no leading slash, and directories no trailing one. */
export interface TarEntry {
  readonly path: string;
  readonly type: 'file' | 'directory' | 'symlink' | 'hardlink';
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Seconds since 1970. */
  readonly mtime: number;
  /** Target of a link; empty otherwise. */
  readonly link: string;
  readonly content: Buffer;
}

const block = 512;
const typeFlags = { file: '0', hardlink: '1', symlink: '2', directory: '5' } as const;
const types = new Map<string, TarEntry['type']>([
  ['\0', 'file'],
  ['0', 'file'],
  ['1', 'hardlink'],
  ['2', 'symlink'],
  ['5', 'directory'],
]);

/** POSIX.1-2001 (pax) archive; extended headers only where a name does not fit. */
export function writeTar(entries: readonly TarEntry[]): Buffer {
  const parts: Buffer[] = [];
  for (const entry of entries) {
    const path = entry.type === 'directory' ? `${entry.path}/` : entry.path;
    const extended: string[] = [];
    if (Buffer.byteLength(path) > 100) extended.push(paxRecord('path', path));
    if (Buffer.byteLength(entry.link) > 100) extended.push(paxRecord('linkpath', entry.link));
    if (extended.length > 0) {
      const body = Buffer.from(extended.join(''));
      parts.push(
        header({ ...entry, path: 'pax-header', link: '', mode: 0o644 }, 'x', body.length),
        padded(body),
      );
    }
    parts.push(
      header({ ...entry, path }, typeFlags[entry.type], entry.content.length),
      padded(entry.content),
    );
  }
  parts.push(Buffer.alloc(2 * block));
  return Buffer.concat(parts);
}

function header(entry: TarEntry, type: string, size: number): Buffer {
  const bytes = Buffer.alloc(block);
  // Cut names are replaced by the extended header in front.
  Buffer.from(entry.path).copy(bytes, 0, 0, 100);
  bytes.write(octal(entry.mode & 0o7777, 7), 100);
  bytes.write(octal(entry.uid, 7), 108);
  bytes.write(octal(entry.gid, 7), 116);
  bytes.write(octal(size, 11), 124);
  bytes.write(octal(entry.mtime, 11), 136);
  bytes.write('        ', 148);
  bytes.write(type, 156);
  Buffer.from(entry.link).copy(bytes, 157, 0, 100);
  bytes.write('ustar\x0000', 257);
  const sum = bytes.reduce((total, byte) => total + byte, 0);
  bytes.write(`${octal(sum, 6)}\0 `, 148);
  return bytes;
}

function octal(value: number, digits: number): string {
  return Math.max(0, Math.floor(value)).toString(8).padStart(digits, '0').slice(-digits);
}

function padded(content: Buffer): Buffer {
  const rest = content.length % block;
  return rest === 0 ? content : Buffer.concat([content, Buffer.alloc(block - rest)]);
}

/** `<length> key=value\n`, where the length counts itself. */
function paxRecord(key: string, value: string): string {
  const body = ` ${key}=${value}\n`;
  let length = Buffer.byteLength(body);
  while (String(length).length + Buffer.byteLength(body) !== length)
    length = String(length).length + Buffer.byteLength(body);
  return `${length}${body}`;
}

/** Reads ustar, pax and GNU long names; devices and other special entries are left out. Throws on a damaged archive. */
export function readTar(archive: Buffer): readonly TarEntry[] {
  const entries: TarEntry[] = [];
  let next = new Map<string, string>();
  let offset = 0;
  while (offset + block <= archive.length) {
    const head = archive.subarray(offset, offset + block);
    offset += block;
    if (head.every((byte) => byte === 0)) break;
    const size = Number(next.get('size') ?? number(head, 124, 12));
    if (!Number.isSafeInteger(size) || size < 0 || offset + size > archive.length)
      throw new Error('the layer is damaged');
    const content = archive.subarray(offset, offset + size);
    offset += Math.ceil(size / block) * block;
    const flag = String.fromCharCode(head[156] ?? 0);
    if (flag === 'x') next = new Map([...next, ...readPax(content)]);
    else if (flag === 'L') next.set('path', text(content, 0, content.length));
    else if (flag === 'K') next.set('linkpath', text(content, 0, content.length));
    else {
      const type = types.get(flag);
      if (type) entries.push(entryOf(head, type, content, next));
      next = new Map();
    }
  }
  return entries;
}

function entryOf(
  head: Buffer,
  type: TarEntry['type'],
  content: Buffer,
  extended: ReadonlyMap<string, string>,
): TarEntry {
  const isUstar = head.toString('latin1', 257, 262) === 'ustar';
  const prefix = isUstar && head[263] === 0x30 ? text(head, 345, 155) : '';
  const short = text(head, 0, 100);
  const path = extended.get('path') ?? (prefix === '' ? short : `${prefix}/${short}`);
  return {
    path: path.replace(/^(\.?\/)+/, '').replace(/\/+$/, ''),
    type,
    mode: number(head, 100, 8),
    uid: number(head, 108, 8),
    gid: number(head, 116, 8),
    mtime: Math.floor(Number(extended.get('mtime') ?? number(head, 136, 12))),
    link: extended.get('linkpath') ?? text(head, 157, 100),
    content: type === 'file' ? content : Buffer.alloc(0),
  };
}

function number(bytes: Buffer, start: number, length: number): number {
  // GNU writes numbers that do not fit in octal as binary, marked by the highest bit.
  if (((bytes[start] ?? 0) & 0x80) !== 0) return Number(bytes.readBigUInt64BE(start + length - 8));
  return Number.parseInt(text(bytes, start, length).trim() || '0', 8);
}

function text(bytes: Buffer, start: number, length: number): string {
  const part = bytes.subarray(start, start + length);
  const end = part.indexOf(0);
  return part.toString('utf8', 0, end === -1 ? part.length : end);
}

function readPax(content: Buffer): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  let offset = 0;
  while (offset < content.length) {
    const blank = content.indexOf(0x20, offset);
    const length = Number(content.toString('utf8', offset, blank));
    if (blank === -1 || !Number.isSafeInteger(length) || length <= 0) break;
    const record = content.toString('utf8', blank + 1, offset + length - 1);
    const equals = record.indexOf('=');
    found.set(record.slice(0, equals), record.slice(equals + 1));
    offset += length;
  }
  return found;
}
