import { problemCodes } from '@image-factory/core/problem-codes.ts';

/** Headings by the first word of the codes; what has no heading of its own comes last. */
const areas: readonly { readonly prefix: string; readonly title: string }[] = [
  { prefix: 'CONFIG_', title: 'Configuration: `images.yaml`, `images.d/` and `factory.yaml`' },
  { prefix: 'DOCKERFILE_', title: 'Dockerfiles' },
  { prefix: 'SOURCE_', title: 'Source repositories' },
  { prefix: 'REGISTRY_', title: 'Registries' },
  { prefix: 'STATE_', title: 'State' },
  { prefix: 'BUILD', title: 'Builds' },
  { prefix: '', title: 'Everything else' },
];

/** The reference page of all problem codes, as Markdown. */
export function errorsPage(): string {
  const left = new Map(Object.entries(problemCodes));
  const sections = areas.map(({ prefix, title }) => {
    const codes = [...left].filter(([code]) => code.startsWith(prefix));
    for (const [code] of codes) left.delete(code);
    const rows = codes.map(
      ([code, meaning]) => `| <a id="${code}"></a>\`${code}\` | ${meaning.replaceAll('|', '\\|')} |`,
    );
    return [`## ${title}`, '', '| code | meaning |', '|---|---|', ...rows, ''].join('\n');
  });
  return `${introduction}\n${sections.join('\n')}`;
}

const introduction = `<!-- Written by \`npm run generate\` from packages/core/src/problem-codes.ts: change it there. -->

# Problem codes

Everything that can go wrong has a code. Codes are stable: a script may rely on them. In text output a code stands in brackets
at the end of the line; in JSON output it is the field \`code\` beside \`message\` (expected and got), \`hint\` (what to do
next), \`subject\` (the image or base that it belongs to) and \`place\` (file, line and column).

A problem of one image never stops the others. The exit code of the command says how far it came:

| exit code | meaning |
|---|---|
| 0 | All well. |
| 1 | Some images failed; the rest was done. |
| 2 | The configuration or the command line is wrong; nothing was done. |
| 3 | Nothing could be done: the state is unreachable, or the clock is wrong. |
`;
