import type { At } from './at.ts';
import type { Part, Resource } from './resource.ts';
import type { ResourceSet } from './resource-set.ts';

/** What is wrong with one resource, where, and what to do. */
export interface Fault {
  readonly at: At;
  /** Expected and got. */
  readonly message: string;
  /** The next step; without one the rule's own. */
  readonly hint?: string;
}

/** One thing that Kargo would refuse, or fail at, or that is a mistake all the same. */
export interface Rule {
  /** Warnings are for what works, but not as its author may think, or not for long. */
  readonly severity: 'error' | 'warning';
  /** One sentence for the reference page: what is refused, and what would happen. */
  readonly description: string;
  /** Which part of Kargo acts on it. */
  readonly source: RuleSource;
  readonly hint: string;
  /** The kinds it looks at; without them all. */
  readonly kinds?: readonly string[];
  /** The part that it is about: resources without it have nothing to be looked at. */
  readonly needs?: Part;
  readonly check: (resource: Resource, set: ResourceSet) => Iterable<Fault>;
}

/**
 * `schema`: the CRD; `admission`: Kargo's webhook; `discovery`: when a Warehouse looks; `promotion`: when a step runs;
 * `verification`: when an AnalysisRun starts; `kubernetes`: the API server; `practice`: accepted by all, but a trap.
 */
export type RuleSource =
  | 'schema'
  | 'admission'
  | 'discovery'
  | 'promotion'
  | 'verification'
  | 'kubernetes'
  | 'practice';
