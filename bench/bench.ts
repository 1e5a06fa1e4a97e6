/** One line of the table in docs/benchmarks.md. */
export interface Row {
  /** What was measured: `plan, 10,000 images`. */
  readonly what: string;
  /** With its unit. */
  readonly measured: string;
  /** What it is compared with, measured in the same run, and its value. */
  readonly comparedWith?: string;
  readonly ratio?: number;
  /** The aim in words, and whether it was met; absent where there is none. */
  readonly aim?: { readonly text: string; readonly met: boolean };
}

/** A module `bench/<name>.bench.ts` exports `bench`, one of these. */
export interface Bench {
  readonly name: string;
  /** One sentence: what runs, on what, how often. */
  readonly about: string;
  readonly run: () => Promise<readonly Row[]>;
}
