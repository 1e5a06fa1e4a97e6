import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';

export interface Link {
  readonly page: string;
  readonly target: string;
}

/** Links of a page below the root to places there, code left out. */
export function linksOf(root: string, page: string): Link[] {
  const text = withoutCode(readFileSync(join(root, page), 'utf8'));
  const found = [...text.matchAll(/!?\[[^\]]*\]\(\s*<?([^)\s>]+)>?(?:\s+"[^"]*")?\s*\)/g)].map(
    ([, target]) => target ?? '',
  );
  return found.filter((target) => !/^[a-z][a-z0-9+.-]*:/i.test(target)).map((target) => ({ page, target }));
}

function withoutCode(text: string): string {
  return text.replaceAll(/^(```+)[^]*?^\1`*$/gm, '').replaceAll(/`[^`\n]*`/g, 'code');
}

/** Anchors as GitHub makes them from headings, and those that are written. */
function anchorsOf(file: string): ReadonlySet<string> {
  const text = readFileSync(file, 'utf8');
  const anchors = new Set([...text.matchAll(/<a id="([^"]+)">/g)].map(([, id]) => id ?? ''));
  const counts = new Map<string, number>();
  for (const [, heading = ''] of text.replaceAll(/^(```+)[^]*?^\1`*$/gm, '').matchAll(/^#{1,6} (.+)$/gm)) {
    const plain = heading
      .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(/\s/g, '-');
    const before = counts.get(plain) ?? 0;
    counts.set(plain, before + 1);
    anchors.add(before === 0 ? plain : `${plain}-${before}`);
  }
  return anchors;
}

/** Why a link leads nowhere, or undefined. */
export function faultOf(root: string, { page, target }: Link): string | undefined {
  const [path = '', anchor] = target.split('#');
  const file = path === '' ? join(root, page) : resolve(root, dirname(page), decodeURIComponent(path));
  if (relative(root, file).startsWith('..')) return `${page}: ${target} leaves the repository`;
  if (!existsSync(file)) return `${page}: ${target} is not there`;
  if (anchor === undefined || anchor === '') return undefined;
  if (statSync(file).isDirectory() || !file.endsWith('.md')) return `${page}: ${target} has no anchors`;
  return anchorsOf(file).has(decodeURIComponent(anchor))
    ? undefined
    : `${page}: ${target} has no such heading`;
}
