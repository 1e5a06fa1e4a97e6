import type { Source, VersionFile } from '../enrolment/types.ts';
import type { Problem } from '../problem.ts';
import type { Result } from '../result.ts';

export interface SourceFile {
  /** Commit at the branch head; undefined for a plain path that is in no repository. */
  readonly commit: string | undefined;
  /** Git blob id of the Dockerfile's bytes (also computed for plain paths): equal id, equal text. */
  readonly blob: string;
  /**
   * Identifies Dockerfile and context content together: changes exactly when a file of either changes, but for the
   * versions that the factory itself writes there.
   */
  readonly revision: string;
  /** Reads the Dockerfile; called only when the blob is new. */
  readonly text: () => Promise<Result<string, Problem>>;
}

/** A source, with the files of its repository that the factory writes versions into: a version is no change of an image. */
export interface WantedFile extends Source {
  readonly versionFiles?: readonly VersionFile[];
}

/** Reads Dockerfiles from their repositories. Many images of one repository cost one fetch per cycle. */
export interface SourceTree {
  /** One answer per source, in order; one source's failure is its own. */
  read(sources: readonly WantedFile[], signal?: AbortSignal): Promise<readonly Result<SourceFile, Problem>[]>;
}
