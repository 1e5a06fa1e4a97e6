import { execFile } from 'node:child_process';
import { readFile, realpath } from 'node:fs/promises';
import { promisify } from 'node:util';
import { writeTar, type TarEntry } from '@image-factory/adapters/build-local/layers/tar.ts';
import { buildImage, type ImageSpec } from '@image-factory/testing/registry/build-image.ts';
import { pushImage, pushIndex, type ImageSink } from '@image-factory/testing/registry/push.ts';

/** Base images of the demo: a small real root file system, made from what this machine has. */
export interface Bases {
  /** Pushes the operating system image: one index for two platforms. Equal content, equal layers. */
  pushOs(content: string, label: string): Promise<string>;
  pushTools(content: string): Promise<void>;
  pushPostgres(tag: string): Promise<void>;
  /** Does the operating system image have a shell, so that RUN works in it? */
  readonly hasShell: boolean;
}

export async function prepareBases(sink: ImageSink, withShell: boolean): Promise<Bases> {
  const shell = withShell ? await shellFiles() : [];
  const system = (content: string): Buffer =>
    writeTar([
      ...['etc', 'tmp', 'proc', 'sys', 'dev'].map(directory),
      file('etc/os-release', Buffer.from(`NAME="Demo OS"\nVERSION="${content}"\n`), 0o644),
      ...shell,
    ]);
  const spec = (content: string, platform: string, label: string): ImageSpec => ({
    platform,
    layers: [system(`${content} for ${platform}`)],
    history: [{ created_by: 'image-factory demo' }],
    config: { Env: ['PATH=/bin'], Labels: { 'org.opencontainers.image.version': label } },
  });
  return {
    hasShell: shell.length > 0,
    async pushOs(content, label) {
      const children = ['linux/amd64', 'linux/arm64'].map((platform) =>
        buildImage(spec(content, platform, label)),
      );
      return (await pushIndex(sink, 'base/os', '1', children)).descriptor.digest;
    },
    async pushTools(content) {
      await pushImage(sink, 'base/tools', '3', {
        layers: [{ 'tools/lint': content }],
        history: [{ created_by: 'image-factory demo' }],
      });
    },
    async pushPostgres(tag) {
      await pushImage(sink, 'base/postgres', tag, { layers: [{ 'usr/bin/postgres': tag }] });
    },
  };
}

/** /bin/sh and the libraries that it loads, as the system names them. */
async function shellFiles(): Promise<TarEntry[]> {
  try {
    const { stdout } = await promisify(execFile)('ldd', ['/bin/sh']);
    const libraries = [...stdout.matchAll(/(\/[^\s:]+)\s+\(0x/g)].flatMap((match) => match[1] ?? []);
    const paths = ['/bin/sh', ...new Set(libraries)];
    const directories = new Set(paths.flatMap((path) => parents(path)));
    const files = await Promise.all(
      paths.map(async (path) => file(path.slice(1), await readFile(await realpath(path)), 0o755)),
    );
    return [...[...directories].toSorted().map(directory), ...files];
  } catch {
    return [];
  }
}

const entry = { uid: 0, gid: 0, mtime: 0, link: '' };

function directory(path: string): TarEntry {
  return { ...entry, path, type: 'directory', mode: 0o755, content: Buffer.alloc(0) };
}

function file(path: string, content: Buffer, mode: number): TarEntry {
  return { ...entry, path, type: 'file', mode, content };
}

function parents(path: string): string[] {
  const parts = path.slice(1).split('/').slice(0, -1);
  return parts.map((_, index) => parts.slice(0, index + 1).join('/'));
}
