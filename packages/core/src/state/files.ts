/** The state's texts. Paths are relative to its root, with forward slashes: `images/backstage.yaml`. */
export type StateFiles = ReadonlyMap<string, string>;
/** New text per path; null removes the file. */
export type StateChanges = ReadonlyMap<string, string | null>;
