import fc from 'fast-check';
import { parseEvents, YAMLException } from 'js-yaml';
import { describe, expect, it } from 'vitest';
import { composeYaml, eventOffset } from './yaml-compose.ts';
import { quickYaml } from './yaml-quick.ts';

const usual = [
  '- name: app\n  registry: ghcr.io\n  tags: ["1", latest, \'2\', 1.10]\n  source:\n    repo: .\n    buildArgs: { A: "22", B: x, C: 7 }\n',
  '# all\n\ndefaults:\n  rebuildDelay: 7d\n  autoRebuild: true\nimages:\n- name: web\n\n  # the second\n- name: db\n  updates:\n  - web\n  - app\n  platforms: []\n',
  'engine: embedded\nstate: { mode: directory }\nlimits:\n  concurrent: 2\n  perProvider: {}\nempty:\nnotes:\n    - a:b c#d\n    -   "x: y"\n    - 0x1F\n    - ~',
];

interface Read {
  readonly root: unknown;
  /** Offsets of all containers, from the outside in. */
  readonly starts: readonly (number | undefined)[];
}

function containersIn(value: unknown): object[] {
  if (typeof value !== 'object' || value === null) return [];
  return [value, ...Object.values(value).flatMap(containersIn)];
}

/** What the whole parser makes of it; undefined where it has something to say against it. */
function whole(text: string): Read | undefined {
  try {
    const events = parseEvents(text, { filename: 'f', maxDepth: 64 });
    const { root, starts, mistakes } = composeYaml(text, events);
    if (mistakes.length > 0 || events.filter(({ type }) => type === 1).length > 1) return undefined;
    const offsets = containersIn(root).map((container) => {
      const event = events[starts.get(container) ?? -1];
      return event && eventOffset(event);
    });
    return { root, starts: offsets };
  } catch (thrown) {
    if (thrown instanceof YAMLException) return undefined;
    throw thrown;
  }
}

function quick(text: string): Read | undefined {
  const read = quickYaml(text);
  return (
    read && {
      root: read.root,
      starts: containersIn(read.root).map((container) => read.starts.get(container)),
    }
  );
}

describe('quickYaml', () => {
  it.each(usual)('reads what configuration looks like %#', (text) => {
    expect(quick(text)).toBeDefined();
    expect(quick(text)).toEqual(whole(text));
  });

  it.each([
    'a: b\n c: d\n',
    'a: "b\\n"\n',
    "a: 'it''s'\n",
    'a: |\n  x\n',
    'a: &x b\n',
    'a: *x\n',
    '---\na: b\n',
    'a: b # c\n',
    'a: b\n  c\n',
    'a: b\n---\nc: d\n',
    '- a\n b: c\n',
    'a: b: c\n',
    'a:\tb\n',
    'a: [b\n]\n',
    'a: [b,]\n',
    'a: [[b]]\n',
    'a: é\n',
    '"a": b\n',
    '? a\n',
    '',
    'word\n',
    ' a: b\n',
    'a: b \n',
    'a: b\r\n',
    '%YAML 1.2\n---\na: b\n',
    'a: b\na: c\n',
    'a: { b: 1, b: 2 }\n',
    '__proto__: b\n',
    '<<: b\n',
    '# \u0007\na: b\n',
  ])('leaves to the whole parser: %j', (text) => expect(quickYaml(text)).toBeUndefined());

  it('gives the very answer of the whole parser, or none, for whatever people type', () => {
    const pieces = fc.oneof(
      fc.constantFrom(...Array.from(' \n:-#[]{},"\'|>&*!%@~?\\\t\r.ab1=_')),
      fc.constantFrom(
        '\n  ',
        '\n- ',
        ': ',
        ':\n',
        ' #',
        '- - ',
        '---\n',
        '...\n',
        'a: b\n',
        '<<: ',
        'null',
        '\u00e9',
        '\u0007',
      ),
    );
    const edit = fc.record({
      at: fc.nat(),
      take: fc.nat({ max: 4 }),
      put: fc.array(pieces, { maxLength: 3 }),
    });
    const edits = fc.array(edit, { minLength: 1, maxLength: 3 });
    let read = 0;
    fc.assert(
      fc.property(fc.constantFrom(...usual), edits, (start, changes) => {
        let text = start;
        for (const { at, take, put } of changes) {
          const from = at % (text.length + 1);
          text = text.slice(0, from) + put.join('') + text.slice(from + take);
        }
        const answer = quick(text);
        if (!answer) return;
        read += 1;
        expect(answer).toEqual(whole(text));
      }),
      { numRuns: 5000 },
    );
    expect(read).toBeGreaterThan(300);
  });
});
