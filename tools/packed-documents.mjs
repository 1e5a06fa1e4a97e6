// The pages that the published package carries: README, CHANGELOG and docs/. Those for people who change the code stay
// in the repository, and so do links to the source.
import { copyFile, mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join, posix } from 'node:path';

/**
 * Writes them into the package, without links that would lead nowhere there.
 *
 * @param {string} root
 * @param {string} target
 */
export async function copyDocuments(root, target) {
  await rm(join(target, 'docs'), { recursive: true, force: true });
  const entries = await readdir(join(root, 'docs'), { recursive: true, withFileTypes: true });
  const docs = entries
    .filter((entry) => entry.isFile() && entry.name.endsWith('.md'))
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1));
  const pages = new Set(['README.md', 'CHANGELOG.md', ...docs]);
  for (const page of pages) {
    const text = await readFile(join(root, page), 'utf8');
    await mkdir(dirname(join(target, page)), { recursive: true });
    await writeFile(join(target, page), withoutDeadLinks(text, page, pages));
  }
  await copyFile(join(root, 'LICENSE'), join(target, 'LICENSE'));
}

/**
 * A link to what is not among the pages becomes its words.
 *
 * @param {string} text
 * @param {string} page
 * @param {ReadonlySet<string>} pages
 */
function withoutDeadLinks(text, page, pages) {
  return text.replaceAll(/\[([^\]]*)\]\(([^)\s]+)\)/g, (link, words, target) => {
    if (target.startsWith('#') || /^[a-z][a-z0-9+.-]*:/i.test(target)) return link;
    const [path = ''] = target.split('#');
    const file = posix.normalize(posix.join(posix.dirname(page), path));
    return pages.has(file) || file === 'LICENSE' ? link : words;
  });
}
