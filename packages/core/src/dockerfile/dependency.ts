import type { PlatformName } from '../reference/types.ts';
import type { ArgValue } from './global-scope.ts';
import type { DockerfileError } from './refusal.ts';
import type { SourceRange } from './source-lines.ts';

/** One place at which a build names an image. The same image at two places, or on two platforms, is two of these. */
export interface BaseDependency {
  /** The word after expansion; for a context, what it took the place of. */
  readonly ref: string;
  /** Null where a named context put something that is no image in its place. */
  readonly normalized: string | null;
  readonly kind: 'from' | 'copy-from' | 'mount-from' | 'syntax';
  /** Name of the stage, else its index; empty for the frontend. */
  readonly stage: string;
  /** Of a frontend: the builder's own. */
  readonly platform: PlatformName;
  /** Is it what the target's layers begin with? */
  readonly final: boolean;
  /** The word as it stands in the file, before anything is expanded. */
  readonly written: string;
  /** Of the written word; absent for what does not stand in the file (triggers, BUILDKIT_SYNTAX). */
  readonly range?: SourceRange;
  /** Names of global arguments that the word depends on, directly or through others. */
  readonly args: readonly string[];
  /** Where the only variable part of the word has its value, if that is a plain ARG default. */
  readonly argValue?: ArgValue;
  /** The value of the named context that replaced it. */
  readonly context?: string;
  /** The instruction is a trigger, of a stage in this file or of a base image. */
  readonly onbuild?: true;
  /** The build asks the registry for it but does not use its content. */
  readonly resolvedOnly?: true;
}

export interface StageSummary {
  readonly stage: string;
  readonly line: number;
  /** The base word after expansion. */
  readonly base: string;
  /** The stage that the base word means, if it means one. */
  readonly baseStage?: string;
  readonly platform: PlatformName;
  readonly reachable: boolean;
  readonly target: boolean;
}

export interface SyntaxImage {
  /** Normalised; null where a named context put something that is no image in its place. */
  readonly reference: string | null;
  /** The reference and the options for the frontend. */
  readonly commandLine: string;
}

/** What the file alone cannot tell: triggers in a base image's config; a body in another language. */
export type Unknown = 'onbuild' | 'foreign-frontend';

/** What a Dockerfile depends on. With an `error`, `bases` holds the frontend at most. */
export interface DockerfileAnalysis {
  readonly bases: readonly BaseDependency[];
  readonly syntax?: SyntaxImage;
  readonly stages: readonly StageSummary[];
  readonly error?: DockerfileError;
  readonly unknowns: readonly Unknown[];
}
