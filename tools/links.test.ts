import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { expect, it } from 'vitest';
import { faultOf, linksOf } from './page-links.ts';

const root = join(import.meta.dirname, '..');

/** Every Markdown page of the repository: what git has, and what is new and not ignored. */
function pages(): string[] {
  const args = ['ls-files', '-z', '--cached', '--others', '--exclude-standard', '*.md'];
  const names = execFileSync('git', args, { cwd: root, encoding: 'utf8' }).split('\0');
  return names.filter((name) => name !== '' && !name.includes('testdata/') && existsSync(join(root, name)));
}

it('every link between the pages leads somewhere', () => {
  const links = pages().flatMap((page) => linksOf(root, page));
  expect(links.length).toBeGreaterThan(40);
  expect(links.flatMap((link) => faultOf(root, link) ?? [])).toEqual([]);
});

it('every page of docs/ is reached from docs/README.md', () => {
  const reached = new Set<string>();
  const open = ['docs/README.md'];
  for (let page = open.pop(); page !== undefined; page = open.pop()) {
    if (reached.has(page)) continue;
    reached.add(page);
    for (const { target } of linksOf(root, page)) {
      const next = relative(root, resolve(root, dirname(page), target.split('#')[0] ?? ''));
      if (next.startsWith('docs/') && next.endsWith('.md') && existsSync(join(root, next))) open.push(next);
    }
  }
  const all = pages().filter((page) => page.startsWith('docs/') && !page.endsWith('0000-template.md'));
  expect(all.filter((page) => !reached.has(page))).toEqual([]);
});

it('notices a link to a file or a heading that is not there', () => {
  expect(faultOf(root, { page: 'docs/configuration.md', target: 'nowhere.md' })).toContain('is not there');
  expect(faultOf(root, { page: 'docs/configuration.md', target: '#nothing' })).toContain('no such heading');
  expect(faultOf(root, { page: 'docs/configuration.md', target: '#durations' })).toBeUndefined();
  expect(faultOf(root, { page: 'CONTRIBUTING.md', target: '../elsewhere' })).toContain(
    'leaves the repository',
  );
});

it('the pages promise the same time for the demo', () => {
  const promised = ['README.md', 'CONTRIBUTING.md'].map(
    (page) =>
      /the whole job (?:on real parts )?in about ([a-z]+ minutes?)/.exec(
        readFileSync(join(root, page), 'utf8').replaceAll(/\s+/g, ' '),
      )?.[1],
  );
  // Measured on two cores: the first act 52 s with nothing else running, both acts 76 s on a busy machine.
  expect(promised).toEqual(['a minute', 'a minute']);
});
