import type { Rule } from '@image-factory/kargo/validate/rule.ts';
import { ruleGroups } from '@image-factory/kargo/validate/rules.ts';

/** The reference page of all rules for Kargo's manifests, as Markdown. */
export function kargoRulesPage(): string {
  const sections = Object.entries(ruleGroups).map(([title, group]) => {
    const rows = Object.entries<Rule>(group).map(
      ([name, { severity, source, description, hint }]) =>
        `| <a id="${name}"></a>\`${name}\` | ${severity} | ${source} | ${cell(description)} ${cell(hint)} |`,
    );
    return [
      `## ${title}`,
      '',
      '| rule | | found by | meaning, and what to do |',
      '|---|---|---|---|',
      ...rows,
      '',
    ].join('\n');
  });
  return `${introduction}\n${sections.join('\n')}`;
}

/** Expressions and templates would be taken for something else by the readers of Markdown; marks of code protect them. */
function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('<', '&lt;').replaceAll('*', '\\*');
}

const introduction = `<!-- Written by \`npm run generate\` from packages/kargo/src/validate/rules/: change it there. -->

# Rules for Kargo

What \`image-factory lint-kargo\` finds in manifests for Kargo 1.11, and what \`synth\` makes sure of. Kargo's own schemas do not see
most of it: subscriptions and the configuration of steps are opaque to them, and many mistakes show only when a Warehouse looks
or a promotion runs. Names of rules are stable: a script may rely on them.

An error is what Kargo refuses or fails at, or what can never do what it says. A warning is what works, but not as its author may
think, or not for long. The column "found by" says who would notice it otherwise:

| found by | meaning |
|---|---|
| schema | The API server refuses it, or drops the field. |
| admission | Kargo's webhook refuses it. |
| kubernetes | The API server refuses it, whatever the schema. |
| discovery | A Warehouse fails, or finds something else, when it looks. |
| promotion | A promotion fails, or repeats itself, when it runs. |
| verification | An analysis fails, or never ends. |
| practice | Nobody: it is accepted, and a trap. |

A finding names the image that the resource is for where the label or annotation \`image-factory.dev/image\` says it. References are
followed among the manifests that are looked at together; a name counts as unknown only if there is another resource of its kind.
`;
