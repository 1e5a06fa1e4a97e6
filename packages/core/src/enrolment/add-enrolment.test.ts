import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addEnrolment, renderEnrolmentYaml } from './add-enrolment.ts';
import { readConfig } from './read-config.ts';
import { readYaml } from './yaml-file.ts';

const entry = { name: 'new', tags: ['1', 'latest'] };

function added(text: string): string {
  const result = addEnrolment(text, entry);
  return result.ok ? result.value : `refused: ${result.error.message}`;
}

describe('renderEnrolmentYaml', () => {
  it('keeps the order of the keys, quotes what another reader could misread, and leaves undefined out', () => {
    const text = renderEnrolmentYaml({
      name: 'new',
      repository: 'ghcr.io/acme/new',
      tags: ['1', 'latest', 'yes'],
      source: { repo: '.', buildArgs: { A: '1.10', B: 'on' } },
      owner: undefined,
      allowTags: '^16[.0-9]*-alpine$',
      note: 'a: b # c',
    });
    expect(text).toBe(`- name: new
  repository: ghcr.io/acme/new
  tags: ["1", latest, "yes"]
  source:
    repo: .
    buildArgs:
      A: "1.10"
      B: "on"
  allowTags: ^16[.0-9]*-alpine$
  note: "a: b # c"
`);
  });
});

describe('addEnrolment', () => {
  const item = '- name: new\n  tags: ["1", latest]\n';
  const below = 'images:\n  - name: new\n    tags: ["1", latest]\n';
  it.each([
    ['', item],
    ['# head\n', `# head\n${item}`],
    ['# head', `# head\n${item}`],
    ['[]\n', item],
    ['# head\n[] # none yet\n', `# head\n# none yet\n${item}`],
    ['images: []\n', below],
    ['images:\n', below],
    ['images: # ours\ndefaults: {}\n', `${below.replace('images:', 'images: # ours')}defaults: {}\n`],
    ['defaults:\n  owner: a # keep\n', `defaults:\n  owner: a # keep\n${below}`],
    ['- name: a # first', `- name: a # first\n${item}`],
    ['---\n- name: a\n...\n', `---\n- name: a\n${item}...\n`],
    ['- name: a\n  # about a\n# about nothing\n', `- name: a\n  # about a\n${item}# about nothing\n`],
    ['- name: a\n\n# b\n- name: b\n', `- name: a\n\n# b\n- name: b\n\n${item}`],
    ['- name: a\n  note: |\n    text\n\n', `- name: a\n  note: |\n    text\n\n${item}`],
    ['- name: "a\n    b"\n', `- name: "a\n    b"\n${item}`],
    ['- name: a\n-\n', `- name: a\n-\n${item}`],
    [
      'images:\n- name: a\n  tags: [\n    x,\n   ]\nx-end: 1\n',
      `images:\n- name: a\n  tags: [\n    x,\n   ]\n${item}x-end: 1\n`,
    ],
    [
      'images:\n    - name: a\ndefaults: {}',
      'images:\n    - name: a\n    - name: new\n      tags: ["1", latest]\ndefaults: {}',
    ],
  ])('keeps %j as it is', (before, after) => {
    expect(added(before)).toBe(after);
  });

  it('keeps Windows line ends', () => {
    expect(added('- name: a\r\n  x-b: 1\r\n')).toBe(
      '- name: a\r\n  x-b: 1\r\n- name: new\r\n  tags: ["1", latest]\r\n',
    );
  });

  it.each([
    [
      'images: [{ name: a }]',
      'refused: the entry cannot be added to images.yaml: its list of images is written',
    ],
    ['[{ name: a }]', 'refused: the entry cannot be added to images.yaml: its list of images is written'],
    ['name: a\nrepository: b\n', 'refused: the entry cannot be added to images.yaml: the file holds neither'],
    ['"text"', 'refused: the entry cannot be added to images.yaml: the file holds neither'],
    ['[', 'refused: not valid YAML'],
  ])('refuses %j', (before, message) => {
    expect(added(before)).toContain(message);
  });

  it('adds to any file it accepts: every line stays, and the new entry comes last', () => {
    const line = fc.constantFrom(
      '- name: a',
      '  x-b: [1,',
      '    2]',
      '  x-c: |',
      '    text',
      '# c',
      '',
      'images:',
      '  - name: d',
      '    x-e: "f',
      '    g"',
    );
    fc.assert(
      fc.property(fc.array(line, { maxLength: 8 }), (lines) => {
        const before = lines.join('\n');
        const after = addEnrolment(before, entry);
        if (!after.ok) return;
        const kept = after.value.split('\n');
        for (const text of lines) expect(kept).toContain(text);
        const { yaml } = readYaml({ path: 'images.yaml', text: after.value });
        const root = yaml?.root as unknown[] | { images: unknown[] };
        expect((Array.isArray(root) ? root : root.images).at(-1)).toEqual(entry);
      }),
      { numRuns: 500 },
    );
  });

  it('writes what readConfig reads', () => {
    const result = addEnrolment('', {
      name: 'node',
      repository: 'node',
      allowTags: '^22$',
      rebuildDelay: '0',
    });
    expect(
      result.ok &&
        readConfig({ images: { path: 'images.yaml', text: result.value }, imagesDir: [] }).problems,
    ).toEqual([]);
  });
});
