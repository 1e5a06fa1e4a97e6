import { otherCases } from './test-cases-others.ts';
import { stageCases } from './test-cases-stages.ts';
import { warehouseCases } from './test-cases-warehouses.ts';
import type { Case } from './test-manifests.ts';

export const cases: readonly Case[] = [...warehouseCases, ...stageCases, ...otherCases];
