import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { expect, it } from 'vitest';

const root = join(import.meta.dirname, '..');

/** Every Markdown page of the repository: what git has, and what is new and not ignored. */
function pages(): string[] {
  const args = ['ls-files', '-z', '--cached', '--others', '--exclude-standard', '*.md'];
  const names = execFileSync('git', args, { cwd: root, encoding: 'utf8' }).split('\0');
  return names.filter((name) => name !== '' && !name.includes('testdata/') && existsSync(join(root, name)));
}

interface Link {
  readonly page: string;
  readonly target: string;
}

/** Links to places in this repository, code left out. */
function linksOf(page: string): Link[] {
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
function faultOf({ page, target }: Link): string | undefined {
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

it('every link between the pages leads somewhere', () => {
  const links = pages().flatMap(linksOf);
  expect(links.length).toBeGreaterThan(40);
  expect(links.flatMap((link) => faultOf(link) ?? [])).toEqual([]);
});

it('every page of docs/ is reached from docs/README.md', () => {
  const reached = new Set<string>();
  const open = ['docs/README.md'];
  for (let page = open.pop(); page !== undefined; page = open.pop()) {
    if (reached.has(page)) continue;
    reached.add(page);
    for (const { target } of linksOf(page)) {
      const next = relative(root, resolve(root, dirname(page), target.split('#')[0] ?? ''));
      if (next.startsWith('docs/') && next.endsWith('.md') && existsSync(join(root, next))) open.push(next);
    }
  }
  const all = pages().filter((page) => page.startsWith('docs/') && !page.endsWith('0000-template.md'));
  expect(all.filter((page) => !reached.has(page))).toEqual([]);
});

it('notices a link to a file or a heading that is not there', () => {
  expect(faultOf({ page: 'docs/configuration.md', target: 'nowhere.md' })).toContain('is not there');
  expect(faultOf({ page: 'docs/configuration.md', target: '#nothing' })).toContain('no such heading');
  expect(faultOf({ page: 'docs/configuration.md', target: '#durations' })).toBeUndefined();
  expect(faultOf({ page: 'CONTRIBUTING.md', target: '../elsewhere' })).toContain('leaves the repository');
});
