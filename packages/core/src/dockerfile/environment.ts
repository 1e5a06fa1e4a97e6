import type { Scope } from './word-lexer.ts';

const defaultPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
/** After so many stages on top of each other the layers are made one: looking up stays quick, and copying rare. */
const mostLayers = 64;

/** Variables and working directory of a stage, on top of those of the stage that it is built on. */
export class Environment implements Scope {
  workdir: string;
  readonly #own: Map<string, string>;
  readonly #parent: Environment | undefined;
  readonly #depth: number;

  constructor(parent: Environment | undefined) {
    this.workdir = parent?.workdir ?? '/';
    const flat = parent === undefined || parent.#depth >= mostLayers;
    const inherited = flat && parent !== undefined ? parent.all() : new Map<string, string>();
    this.#own = parent === undefined ? inherited.set('PATH', defaultPath) : inherited;
    this.#parent = flat ? undefined : parent;
    this.#depth = flat ? 0 : parent.#depth + 1;
  }

  get(name: string): string | undefined {
    const value = this.#own.get(name);
    return value === undefined ? this.#parent?.get(name) : value;
  }

  set(name: string, value: string): void {
    this.#own.set(name, value);
  }

  all(): Map<string, string> {
    const all = this.#parent?.all() ?? new Map<string, string>();
    for (const [name, value] of this.#own) all.set(name, value);
    return all;
  }
}
