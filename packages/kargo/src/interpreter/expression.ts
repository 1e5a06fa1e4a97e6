import { matches } from './pattern.ts';
import { ExpressionError, tokensOf, type Token } from './expression-tokens.ts';
import {
  amount,
  builtins,
  equal,
  isObject,
  kindOf,
  list,
  member,
  Struct,
  text,
  truth,
  type Callable,
  type Environment,
  type Value,
} from './expression-values.ts';

/** Inside a predicate `{ … }`: what stands under `#`. */
interface Scope {
  readonly names: Environment;
  readonly lenient: boolean;
  readonly element?: Value;
}

type Node = (scope: Scope) => Value;

/**
 * The part of expr-lang that generated manifests use; whatever is beyond it throws. Source: expr-lang, "Language
 * definition"; precedence as in its operator table.
 *
 * @throws ExpressionError
 */
export function evaluate(source: string, names: Environment): Value {
  return compile(source)({ names, lenient: false });
}

/** The same over a document of somebody else's, where a name that is missing is nil. */
export function evaluateIn(source: string, names: Environment): Value {
  return compile(source)({ names, lenient: true });
}

const compiled = new Map<string, Node>();

function compile(source: string): Node {
  const known = compiled.get(source);
  if (known) return known;
  const node = new Parser(tokensOf(source), source).whole();
  compiled.set(source, node);
  return node;
}

interface Operator {
  readonly level: number;
  readonly apply: (left: Node, right: Node) => Node;
}

const operators: Readonly<Record<string, Operator>> = {
  '||': { level: 10, apply: (a, b) => (scope) => truth(a(scope)) || truth(b(scope)) },
  or: { level: 10, apply: (a, b) => (scope) => truth(a(scope)) || truth(b(scope)) },
  '&&': { level: 15, apply: (a, b) => (scope) => truth(a(scope)) && truth(b(scope)) },
  and: { level: 15, apply: (a, b) => (scope) => truth(a(scope)) && truth(b(scope)) },
  '==': { level: 20, apply: (a, b) => (scope) => equal(a(scope), b(scope)) },
  '!=': { level: 20, apply: (a, b) => (scope) => !equal(a(scope), b(scope)) },
  '<': { level: 20, apply: (a, b) => (scope) => compare(a(scope), b(scope)) < 0 },
  '>': { level: 20, apply: (a, b) => (scope) => compare(a(scope), b(scope)) > 0 },
  '<=': { level: 20, apply: (a, b) => (scope) => compare(a(scope), b(scope)) <= 0 },
  '>=': { level: 20, apply: (a, b) => (scope) => compare(a(scope), b(scope)) >= 0 },
  in: { level: 20, apply: (a, b) => (scope) => isIn(a(scope), b(scope)) },
  contains: { level: 20, apply: (a, b) => (scope) => text(a(scope)).includes(text(b(scope))) },
  startsWith: { level: 20, apply: (a, b) => (scope) => text(a(scope)).startsWith(text(b(scope))) },
  endsWith: { level: 20, apply: (a, b) => (scope) => text(a(scope)).endsWith(text(b(scope))) },
  matches: { level: 20, apply: (a, b) => (scope) => matches(text(a(scope)), text(b(scope))) },
  '+': { level: 30, apply: (a, b) => (scope) => sum(a(scope), b(scope)) },
  '-': { level: 30, apply: (a, b) => (scope) => amount(a(scope)) - amount(b(scope)) },
  '*': { level: 60, apply: (a, b) => (scope) => amount(a(scope)) * amount(b(scope)) },
  '/': { level: 60, apply: (a, b) => (scope) => amount(a(scope)) / amount(b(scope)) },
  '%': { level: 60, apply: (a, b) => (scope) => amount(a(scope)) % amount(b(scope)) },
  '??': { level: 500, apply: (a, b) => (scope) => a(scope) ?? b(scope) },
};

/** `not` and `!` bind tighter than comparisons, and looser than a member. */
const notLevel = 50;

const predicates: Readonly<
  Record<string, (values: readonly Value[], holds: (value: Value) => Value) => Value>
> = {
  any: (values, holds) => values.some((value) => truth(holds(value))),
  all: (values, holds) => values.every((value) => truth(holds(value))),
  none: (values, holds) => !values.some((value) => truth(holds(value))),
  filter: (values, holds) => values.filter((value) => truth(holds(value))),
  map: (values, holds) => values.map(holds),
  count: (values, holds) => values.filter((value) => truth(holds(value))).length,
  find: (values, holds) => values.find((value) => truth(holds(value))),
};

class Parser {
  readonly #tokens: readonly Token[];
  readonly #source: string;
  #at = 0;
  #depth = 0;

  constructor(tokens: readonly Token[], source: string) {
    this.#tokens = tokens;
    this.#source = source;
  }

  whole(): Node {
    const node = this.#ternary();
    if (this.#peek().kind !== 'end') this.#refuse();
    return node;
  }

  #peek(): Token {
    return this.#tokens[this.#at] ?? { kind: 'end', value: '' };
  }

  #refuse(): never {
    throw new ExpressionError(`cannot read ${this.#source} at ${JSON.stringify(this.#peek().value)}`);
  }

  #take(sign: string): boolean {
    const { kind, value } = this.#peek();
    if (kind !== 'sign' || value !== sign) return false;
    this.#at += 1;
    return true;
  }

  #expect(sign: string): void {
    if (!this.#take(sign)) this.#refuse();
  }

  #ternary(): Node {
    if (++this.#depth > 100) throw new ExpressionError('too deep');
    const condition = this.#binary(0);
    this.#depth -= 1;
    if (!this.#take('?')) return condition;
    const yes = this.#ternary();
    this.#expect(':');
    const no = this.#ternary();
    return (scope) => (truth(condition(scope)) ? yes(scope) : no(scope));
  }

  #binary(least: number): Node {
    let left = this.#unary();
    for (;;) {
      const { kind, value } = this.#peek();
      const negated = kind === 'name' && value === 'not' && operators[this.#word(1)]?.level === 20;
      const word = negated ? this.#word(1) : String(value);
      const operator =
        (kind === 'sign' || kind === 'name') && Object.hasOwn(operators, word) ? operators[word] : undefined;
      if (!operator || operator.level < least) return left;
      this.#at += negated ? 2 : 1;
      const node = operator.apply(left, this.#binary(operator.level + 1));
      left = negated ? (scope) => !truth(node(scope)) : node;
    }
  }

  #word(ahead: number): string {
    const token = this.#tokens[this.#at + ahead];
    return token?.kind === 'name' ? token.value : '';
  }

  #unary(): Node {
    const { kind, value } = this.#peek();
    if ((kind === 'sign' && value === '!') || (kind === 'name' && value === 'not')) {
      this.#at += 1;
      const of = this.#binary(notLevel);
      return (scope) => !truth(of(scope));
    }
    if (kind === 'sign' && value === '-') {
      this.#at += 1;
      const of = this.#binary(notLevel);
      return (scope) => -amount(of(scope));
    }
    return this.#postfix(this.#primary());
  }

  #primary(): Node {
    const token = this.#peek();
    this.#at += 1;
    if (token.kind === 'number' || token.kind === 'string') return () => token.value;
    if (token.kind === 'name') return this.#name(token.value);
    if (token.value === '(') {
      const inner = this.#ternary();
      this.#expect(')');
      return inner;
    }
    if (token.value === '[') return this.#listLiteral();
    if (token.value === '#') return (scope) => scope.element;
    // `.name` within a predicate is a member of its element.
    if (token.value === '.') {
      const key = this.#key();
      return (scope) => member(scope.element, key);
    }
    this.#at -= 1;
    return this.#refuse();
  }

  #name(name: string): Node {
    if (name === 'true' || name === 'false') return () => name === 'true';
    if (name === 'nil') return () => undefined;
    const predicate = Object.hasOwn(predicates, name) ? predicates[name] : undefined;
    if (predicate && this.#take('(')) {
      const over = this.#ternary();
      this.#expect(',');
      const braces = this.#take('{');
      const holds = this.#ternary();
      if (braces) this.#expect('}');
      this.#expect(')');
      return (scope) => predicate(list(over(scope)), (element) => holds({ ...scope, element }));
    }
    return ({ names, lenient }) => {
      if (names.has(name)) return names.get(name) ?? undefined;
      if (builtins.has(name)) return builtins.get(name);
      if (lenient) return undefined;
      throw new ExpressionError(`unknown name ${name} in ${this.#source}`);
    };
  }

  #listLiteral(): Node {
    const nodes: Node[] = [];
    while (!this.#take(']')) {
      nodes.push(this.#ternary());
      if (!this.#take(',') && this.#peek().value !== ']') this.#refuse();
    }
    return (scope) => nodes.map((node) => node(scope));
  }

  #key(): string {
    const { kind, value } = this.#peek();
    if (kind !== 'name') return this.#refuse();
    this.#at += 1;
    return value;
  }

  #postfix(start: Node): Node {
    let node = start;
    for (;;) {
      const of = node;
      if (this.#take('.')) {
        const key = this.#key();
        node = (scope) => member(of(scope), key);
      } else if (this.#take('?.')) {
        const key = this.#take('[') ? this.#index() : this.#constant(this.#key());
        node = (scope) => {
          const value = of(scope) ?? undefined;
          return value === undefined ? undefined : member(value, key(scope));
        };
      } else if (this.#take('[')) {
        const key = this.#index();
        node = (scope) => member(of(scope), key(scope));
      } else if (this.#take('(')) {
        node = this.#call(of);
      } else return node;
    }
  }

  #constant(key: string): Node {
    return () => key;
  }

  #index(): Node {
    const key = this.#ternary();
    this.#expect(']');
    return key;
  }

  #call(of: Node): Node {
    const values: Node[] = [];
    while (!this.#take(')')) {
      values.push(this.#ternary());
      if (!this.#take(',') && this.#peek().value !== ')') this.#refuse();
    }
    return (scope) => {
      const called = of(scope);
      if (typeof called !== 'function') throw new ExpressionError(`cannot call ${kindOf(called)}`);
      return (called as Callable)(...values.map((value) => value(scope)));
    };
  }
}

function compare(a: Value, b: Value): number {
  if (typeof a === 'string' && typeof b === 'string') return a < b ? -1 : a > b ? 1 : 0;
  return amount(a) - amount(b);
}

function sum(a: Value, b: Value): Value {
  return typeof a === 'string' ? a + text(b) : amount(a) + amount(b);
}

function isIn(value: Value, within: Value): boolean {
  if (within instanceof Struct) return within.fields.has(text(value));
  if (isObject(within)) return Object.hasOwn(within, text(value));
  return list(within).some((each) => equal(each, value));
}
