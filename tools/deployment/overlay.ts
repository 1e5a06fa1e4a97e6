import { execFileSync } from 'node:child_process';
import { parseAllDocuments } from 'yaml';
import { findKustomize } from './kustomize.ts';

export const kustomize = findKustomize(process.env);

export interface Pod {
  readonly serviceAccountName: string;
  readonly automountServiceAccountToken: boolean;
  readonly securityContext: { readonly runAsNonRoot: boolean };
  readonly containers: readonly {
    readonly image: string;
    readonly args: readonly string[];
    readonly envFrom?: readonly unknown[];
    readonly env: readonly { readonly name: string; readonly value?: string }[];
  }[];
}

export interface Resource {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec?: Readonly<Record<string, unknown>>;
  readonly [key: string]: unknown;
}

function resourcesOf(text: string): readonly Resource[] {
  return parseAllDocuments(text)
    .map((each) => each.toJS() as Resource | null)
    .filter((each) => each !== null);
}

/** What `kubectl kustomize` makes of a folder. */
export function build(folder: string): readonly Resource[] {
  const [command = '', ...args] = kustomize.command ?? [];
  return resourcesOf(execFileSync(command, [...args, folder], { encoding: 'utf8', maxBuffer: 2 ** 26 }));
}

/** The pod of every Job, wherever its template stands. */
export function podsOf(resources: readonly Resource[]): readonly Pod[] {
  const found: Pod[] = [];
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    if ('containers' in value) found.push(value as Pod);
    for (const inner of Object.values(value)) visit(inner);
  };
  for (const { spec } of resources) visit(spec);
  return found;
}
