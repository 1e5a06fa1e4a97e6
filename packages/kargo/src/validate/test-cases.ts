import type { RuleName } from './rules.ts';
import { otherCases } from './test-cases-others.ts';
import { stageCases } from './test-cases-stages.ts';
import { warehouseCases } from './test-cases-warehouses.ts';

/** A rule; manifests that it alone refuses, and once; and the same mended. */
export type Case = readonly [rule: RuleName, broken: unknown, mended: unknown];

export const cases: readonly Case[] = [...warehouseCases, ...stageCases, ...otherCases];
