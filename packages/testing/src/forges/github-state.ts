import { createHash } from 'node:crypto';
import type { Instant } from '@image-factory/core/time.ts';
import type { WorkflowRun } from './workflow-runs.ts';

/** A run as GitHub keeps it. */
export interface GithubRun extends WorkflowRun {
  readonly workflow: string;
  readonly event: string;
  readonly branch: string;
  /** What `run-name` made of its inputs. */
  readonly title: string;
  /** Where a test wants what the model has not: GitHub's own words. */
  status?: string;
  conclusion?: string;
  /** It does not say its digest. */
  silent?: boolean;
}

export interface GithubWorkflow {
  /** Undefined: it has no `workflow_dispatch`. */
  inputs: readonly string[] | undefined;
  required: readonly string[];
  disabled: boolean;
  /** Types of `repository_dispatch`. */
  types: readonly string[];
  /** Without it the title is the commit's. */
  runName: boolean;
}

export const factoryInputs = [
  'factory_key',
  'factory_attempt',
  'factory_image',
  'factory_reason',
  'factory_commit',
  'factory_pins',
  'factory_build_contexts',
  'factory_build_flags',
  'factory_build_args',
];

export function githubWorkflow(more: Partial<GithubWorkflow> = {}): GithubWorkflow {
  return {
    inputs: factoryInputs,
    required: [],
    disabled: false,
    types: ['build-image'],
    runName: true,
    ...more,
  };
}

export class GithubRepository {
  readonly name: string;
  readonly branches = new Set(['main']);
  readonly defaultBranch = 'main';
  archived = false;
  readonly workflows = new Map<string, GithubWorkflow>([['build-image.yml', githubWorkflow()]]);
  readonly blobs = new Map<string, string>();
  readonly refs = new Map<string, string>();

  constructor(name: string) {
    this.name = name;
  }

  /** Git's own id of the content. */
  putBlob(content: string): string {
    const sha = createHash('sha1')
      .update(`blob ${Buffer.byteLength(content)}\0${content}`)
      .digest('hex');
    this.blobs.set(sha, content);
    return sha;
  }

  /** False: it is there already, and stays as it is. */
  createRef(ref: string, sha: string): boolean {
    if (this.refs.has(ref)) return false;
    this.refs.set(ref, sha);
    return true;
  }
}

/** The claim step: one create-only ref per key and attempt, which points at the id of the run that holds it. */
export function claimIn(repository: GithubRepository, { id, key, attempt }: WorkflowRun): boolean {
  const ref = `refs/factory/claims/${key}/${attempt}`;
  const sha = repository.putBlob(id);
  return repository.createRef(ref, sha) || repository.refs.get(ref) === sha;
}

export type Permission = 'actions' | 'contents' | 'metadata';

export interface GithubToken {
  readonly permissions: Readonly<Partial<Record<Permission, 'read' | 'write'>>>;
  /** Undefined: every one. */
  readonly repositories?: readonly string[];
  readonly expiresAt?: Instant;
  /** Words of a refusal: "integration" or "personal access token". */
  readonly owner?: string;
}
