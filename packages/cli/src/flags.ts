/** Options of one command as commander parsed them. */
export type Flags = Readonly<Record<string, unknown>>;
