import { readFileSync } from 'node:fs';
import { Command } from 'commander';

/** The manifest lies beside both `src` and the built `dist`. */
const manifest: { readonly version: string; readonly description: string } = JSON.parse(
  readFileSync(new URL('../package.json', import.meta.url), 'utf8'),
);

const program = new Command('image-factory')
  .description(manifest.description)
  .version(manifest.version);

program.parse();
