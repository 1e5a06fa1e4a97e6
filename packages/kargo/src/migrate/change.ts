/** One thing that is different afterwards, or that a person has to look at. */
export interface Change {
  /** `by-hand`: nothing was done about it, and somebody must. */
  readonly action: 'kept' | 'moved' | 'rewritten' | 'replaced' | 'dropped' | 'by-hand';
  /** File of the older factory directory. */
  readonly file: string;
  /** Image, resource or key; empty for the whole file. */
  readonly subject: string;
  /** What it was and what it is. */
  readonly what: string;
  readonly why: string;
}
