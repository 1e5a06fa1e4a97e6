/** The state as texts by path, relative to its root: the same shape as the state store's. */
export type StateFiles = ReadonlyMap<string, string>;
/** New text per path; null removes the file. */
export type StateChanges = ReadonlyMap<string, string | null>;
