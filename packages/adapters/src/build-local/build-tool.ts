import type { BuildRequest } from '@image-factory/core/ports/builder.ts';
import type { Digest } from '@image-factory/core/reference/types.ts';
import type { BuildFiles } from './build-files.ts';
import type { Steps } from './dockerfile-steps.ts';

export type ToolName = 'buildah' | 'docker' | 'layers';

/** Everything one build is made of, read and checked. */
export interface BuildJob {
  readonly id: string;
  readonly request: BuildRequest;
  readonly files: BuildFiles;
  readonly steps: Steps;
  readonly annotations: ReadonlyMap<string, string>;
  /** `registry/repository:tag`, at least one. */
  readonly targets: readonly string[];
  /** Set where files are to carry one time instead of the build's; seconds since 1970. */
  readonly timestamp: number | undefined;
  /** A directory for the tool's own small files, removed after the build. */
  readonly scratch: string;
}

/** What a tool does its work with: processes that end with the run, and the run's log. */
export interface Workbench {
  readonly signal: AbortSignal;
  /** Runs a program to its end; returns the exit code. */
  run(command: string, args: readonly string[], options?: WorkbenchOptions): Promise<number>;
  log(text: string): void;
  /** Told before the first tag is moved: from here on a failure may be one of the answer alone. */
  pushing(): void;
}

export interface WorkbenchOptions {
  readonly environment?: Readonly<Record<string, string>>;
  /** Output as it comes, beside the log. */
  readonly onOutput?: (text: string) => void;
}

export interface BuildTool {
  readonly name: ToolName;
  readonly version: string;
  /** Throws BUILDER_UNSUPPORTED for what this tool cannot build, before anything is started. */
  check(job: BuildJob): Promise<void>;
  /** Builds, pushes under every target, and returns the digest that the registry has. Throws FactoryError. */
  build(job: BuildJob, bench: Workbench): Promise<Digest>;
}
