import { evaluate } from '@marcbachmann/cel-js';

/** A ValidatingAdmissionPolicy, as far as ours go. */
export interface AdmissionPolicy {
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly failurePolicy: string;
    readonly matchConstraints: {
      readonly resourceRules: readonly {
        readonly apiGroups: readonly string[];
        readonly operations: readonly string[];
        readonly resources: readonly string[];
      }[];
    };
    readonly matchConditions: readonly { readonly name: string; readonly expression: string }[];
    readonly variables: readonly { readonly name: string; readonly expression: string }[];
    readonly validations: readonly { readonly expression: string; readonly message: string }[];
  };
}

/** What its expressions see; `null` where the operation has no such object. */
export interface AdmissionInput {
  readonly request: {
    readonly operation: 'CREATE' | 'UPDATE' | 'DELETE' | 'CONNECT';
    readonly userInfo: { readonly username: string };
    readonly subResource?: string;
  };
  readonly object: unknown;
  readonly oldObject: unknown;
}

/**
 * Why the policy refuses, undefined where it does not: with failurePolicy Fail an expression that cannot be evaluated refuses.
 * Source: Kubernetes documentation, "Validating Admission Policy".
 */
export function refusalOf({ spec }: AdmissionPolicy, input: AdmissionInput): string | undefined {
  if (!spec.matchConditions.every(({ expression }) => evaluate(expression, { ...input }) === true))
    return undefined;
  const variables: Record<string, unknown> = {};
  for (const { name, expression } of spec.variables) {
    try {
      variables[name] = evaluate(expression, { ...input });
    } catch {
      // Evaluated where it is used, it would fail there.
    }
  }
  for (const { expression, message } of spec.validations) {
    try {
      if (evaluate(expression, { ...input, variables }) !== true) return message;
    } catch (error) {
      return `${message} (${error instanceof Error ? error.message : 'failed'})`;
    }
  }
  return undefined;
}
