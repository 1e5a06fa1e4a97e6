// Writes what is made of ci/*.sh and packages/core/src/workflows: the scripts as a module, and the ready-made builds.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const root = join(import.meta.dirname, '..');
const scriptsFile = join(root, 'packages/core/src/workflows/scripts.ts');

const names = readdirSync(join(root, 'ci'))
  .filter((name) => name.endsWith('.sh'))
  .toSorted();
const entries = names.map((name) => {
  const text = readFileSync(join(root, 'ci', name), 'utf8');
  return `  '${name.slice(0, -3)}': ${JSON.stringify(text)},\n`;
});
const module = `// Written by \`npm run generate\` from ci/*.sh: change it there.
/* oxfmt-ignore */
export const scripts = {
${entries.join('')}} as const;

export type ScriptName = keyof typeof scripts;
`;
writeFileSync(scriptsFile, module);
console.log(`wrote ${scriptsFile}`);

const { readyMade } = await import('./ready-made.ts');
for (const [path, text] of readyMade()) {
  const file = join(root, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  console.log(`wrote ${file}`);
}
