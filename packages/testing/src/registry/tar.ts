/** Files of one layer: path to content. Folders are made as needed. */
export type LayerFiles = Readonly<Record<string, string | Uint8Array>>;

const blockSize = 512;

function octal(value: number, width: number): string {
  return value.toString(8).padStart(width - 1, '0') + '\0';
}

function header(name: string, size: number, directory: boolean): Buffer {
  if (Buffer.byteLength(name) > 100) throw new Error(`a layer's path is at most 100 bytes here: ${name}`);
  const block = Buffer.alloc(blockSize);
  block.write(name, 0);
  block.write(octal(directory ? 0o755 : 0o644, 8), 100);
  block.write(octal(0, 8), 108);
  block.write(octal(0, 8), 116);
  block.write(octal(size, 12), 124);
  block.write(octal(0, 12), 136);
  block.write('        ', 148);
  block.write(directory ? '5' : '0', 156);
  block.write('ustar\0' + '00', 257);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(octal(sum, 7) + ' ', 148);
  return block;
}

function parents(path: string): string[] {
  const parts = path.split('/').slice(0, -1);
  return parts.map((_, index) => parts.slice(0, index + 1).join('/') + '/');
}

/** A ustar archive that is the same bytes for the same files: sorted, owned by root, dated 1970. */
export function tar(files: LayerFiles): Buffer {
  const blocks: Buffer[] = [];
  const directories = new Set<string>();
  for (const path of Object.keys(files).toSorted()) {
    for (const parent of parents(path)) {
      if (directories.has(parent)) continue;
      directories.add(parent);
      blocks.push(header(parent, 0, true));
    }
    const content = Buffer.from(files[path] ?? '');
    blocks.push(header(path, content.length, false), content);
    blocks.push(Buffer.alloc((blockSize - (content.length % blockSize)) % blockSize));
  }
  blocks.push(Buffer.alloc(2 * blockSize));
  return Buffer.concat(blocks);
}
