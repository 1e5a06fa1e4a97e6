import type { Flag } from './flags.ts';
import type { InstructionNode } from './reader.ts';

/** `NAME=value`, or `NAME` alone (ARG only). */
export interface NameValue {
  readonly name: string;
  readonly value: string | undefined;
}

export interface FromCommand {
  readonly kind: 'from';
  readonly node: InstructionNode;
  /** The base word as written. */
  readonly base: string;
  /** In lower case; empty for a stage without a name. */
  readonly name: string;
  /** As written; empty for none. */
  readonly platform: string;
}

/** What COPY and ADD move. */
export interface Transfer {
  readonly sources: readonly string[];
  readonly destination: string;
  /** Texts of heredocs in which variables are replaced. */
  readonly expandedContents: readonly string[];
  readonly chown: string;
  readonly chmod: string;
}

/** One `--mount` of a RUN. */
export interface MountFlag {
  readonly flag: Flag;
  /** Empty for none. */
  readonly from: string;
}

/** An instruction of a stage, checked as far as BuildKit checks it before it expands anything. */
export type StageCommand =
  | { readonly kind: 'arg'; readonly node: InstructionNode; readonly pairs: readonly NameValue[] }
  | { readonly kind: 'env' | 'label'; readonly node: InstructionNode; readonly pairs: readonly NameValue[] }
  | {
      readonly kind: 'copy';
      readonly node: InstructionNode;
      readonly transfer: Transfer;
      readonly from: Flag | undefined;
    }
  | {
      readonly kind: 'add';
      readonly node: InstructionNode;
      readonly transfer: Transfer;
      readonly checksum: string;
    }
  | { readonly kind: 'run'; readonly node: InstructionNode; readonly mounts: readonly MountFlag[] }
  | {
      readonly kind: 'workdir' | 'user' | 'stopsignal';
      readonly node: InstructionNode;
      readonly value: string;
    }
  | { readonly kind: 'volume' | 'expose'; readonly node: InstructionNode; readonly values: readonly string[] }
  | { readonly kind: 'onbuild'; readonly node: InstructionNode; readonly trigger: string }
  | { readonly kind: 'other'; readonly node: InstructionNode };

export type Command = FromCommand | StageCommand;
