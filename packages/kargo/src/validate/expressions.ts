import { textsWithin, type At } from './at.ts';

/** Texts longer than this are not searched for expressions: no real one is. */
const longest = 200_000;

export interface FoundExpressions {
  /** What stands within `${{ }}` and `${% %}`. */
  readonly bodies: readonly string[];
  /** One begins and never ends. */
  readonly unclosed: boolean;
}

export function expressionsIn(text: string): FoundExpressions {
  const bodies: string[] = [];
  let at = 0;
  if (text.length > longest) return { bodies, unclosed: false };
  for (;;) {
    const braces = text.indexOf('${{', at);
    const percents = text.indexOf('${%', at);
    if (braces < 0 && percents < 0) return { bodies, unclosed: false };
    const useBraces = braces >= 0 && (percents < 0 || braces < percents);
    const start = useBraces ? braces : percents;
    const end = text.indexOf(useBraces ? '}}' : '%}', start + 3);
    if (end < 0) return { bodies, unclosed: true };
    bodies.push(text.slice(start + 3, end));
    at = end + 2;
  }
}

export function hasExpression(text: string): boolean {
  return text.includes('${{') || text.includes('${%');
}

/** The body of an expression, and the text that it stands in. */
export interface Body {
  readonly at: At;
  readonly body: string;
}

/** The bodies of all expressions within a value. */
export function bodiesWithin(at: At): readonly Body[] {
  return textsWithin(at)
    .filter(({ value }) => hasExpression(value))
    .flatMap((found) => expressionsIn(found.value).bodies.map((body) => ({ at: found, body })));
}

export interface OutputReference {
  readonly alias: string;
  /** `task.outputs` instead of `outputs`. */
  readonly ofTask: boolean;
}

/** The steps whose outputs or status an expression asks for. */
export function outputReferences(body: string): OutputReference[] {
  if (!body.includes('outputs') && !body.includes('status')) return [];
  const outputs =
    /(?<![\w.$])(task\??\.)?outputs(?:\??\.([A-Za-z_]\w*)|(?:\?\.)?\[\s*(?:'([^'\\]{0,253})'|"([^"\\]{0,253})")\s*\])/g;
  const status = /(?<![\w.$])status\(\s*(?:'([^'\\]{0,253})'|"([^"\\]{0,253})")\s*\)/g;
  return [
    ...[...body.matchAll(outputs)].map(([, task, word, single, double]) => ({
      alias: word ?? single ?? double ?? '',
      ofTask: task !== undefined,
    })),
    ...[...body.matchAll(status)].map(([, single, double]) => ({
      alias: single ?? double ?? '',
      ofTask: false,
    })),
  ];
}

export interface FreightReference {
  readonly call: 'imageFrom' | 'commitFrom';
  readonly repoUrl: string;
}

/** The repositories that an expression takes from the Freight by a literal URL. */
export function freightReferences(body: string): FreightReference[] {
  if (!body.includes('From')) return [];
  const calls = /(?<![\w.$])(imageFrom|commitFrom)\(\s*(?:'([^'\\]{0,2048})'|"([^"\\]{0,2048})")/g;
  return [...body.matchAll(calls)].map(([, call, single, double]) => ({
    call: call as FreightReference['call'],
    repoUrl: single ?? double ?? '',
  }));
}
