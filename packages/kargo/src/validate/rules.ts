import type { Rule } from './rule.ts';
import { analysisRules } from './rules/analyses.ts';
import { credentialRules } from './rules/credentials.ts';
import { everyKindRules } from './rules/everything.ts';
import { imageRules } from './rules/images.ts';
import { projectRules } from './rules/projects.ts';
import { shapeRules } from './rules/shapes.ts';
import { stageRules } from './rules/stages.ts';
import { stepConfigRules } from './rules/step-configs.ts';
import { stepRules } from './rules/steps.ts';
import { subscriptionRules } from './rules/subscriptions.ts';
import { wholeRules } from './rules/whole.ts';
import { warehouseRules } from './rules/warehouses.ts';

/** All rules, in groups as the reference page shows them. */
export const ruleGroups = {
  'Every resource': { ...wholeRules, ...everyKindRules },
  'What the schemas refuse': shapeRules,
  Subscriptions: subscriptionRules,
  'Subscriptions to images': imageRules,
  'Warehouses and subscriptions to git': warehouseRules,
  Stages: stageRules,
  'Promotion steps': stepRules,
  'Configuration of steps': stepConfigRules,
  'Verification and analysis': analysisRules,
  'Projects, policies, receivers and Promotions': projectRules,
  Credentials: credentialRules,
} as const;

type Groups = typeof ruleGroups;

/** The name of a rule. Names are stable: a script may rely on them. */
export type RuleName = { [Group in keyof Groups]: keyof Groups[Group] }[keyof Groups];

/** Every rule by its name. */
export const rules: ReadonlyMap<RuleName, Rule> = new Map(
  Object.values(ruleGroups).flatMap((group) => Object.entries<Rule>(group)) as [RuleName, Rule][],
);
