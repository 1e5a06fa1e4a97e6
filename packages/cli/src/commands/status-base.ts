import { outlookOf, type BaseOutlook } from '@image-factory/core/plan/base-outlook.ts';
import { isInForce } from '@image-factory/core/plan/bases.ts';
import { reasonText } from '@image-factory/core/plan/reason-text.ts';
import { parseReference } from '@image-factory/core/reference/parse.ts';
import { baseKey } from '@image-factory/core/state/base-reference.ts';
import type { BaseRecord, FactoryState } from '@image-factory/core/state/types.ts';
import { formatDuration, type Instant } from '@image-factory/core/time.ts';
import type { Answer } from '../answer.ts';
import { loadConfig } from '../config-files.ts';
import { ledgerTable } from '../render/ledger.ts';
import type { Style } from '../render/style.ts';
import { table } from '../render/table.ts';

/** The base of this name, or the one that a Dockerfile means by this reference. */
export function findBase({ bases }: FactoryState, text: string): BaseRecord | undefined {
  const named = bases.get(text);
  if (named) return named;
  const parsed = parseReference(text);
  if (!parsed.ok) return undefined;
  const { domain, path, tag } = parsed.value;
  // A digest alone is watched under no tag.
  if (tag === undefined) return undefined;
  const key = baseKey({ registry: domain, repository: path, tag });
  return bases.values().find((base) => baseKey(base) === key);
}

/** What is recorded of a base, and what its gate lets through to whom; the gate is the configuration's. */
export async function statusOfBase(
  dir: string,
  state: FactoryState,
  base: BaseRecord,
  now: Instant,
): Promise<Answer> {
  const loaded = await loadConfig(dir);
  const facts = {
    sources: new Map(),
    gone: new Set<string>(),
    proofs: new Map(),
    provenance: [],
    requests: new Map(),
  };
  const usedBy = loaded.ok ? outlookOf(base, { ...loaded.value, state, facts, now }) : [];
  return {
    value: { ...base, usedBy },
    text: (style) => baseText(base, usedBy, now, style),
    problems: loaded.ok ? [] : loaded.error,
  };
}

function baseText(base: BaseRecord, usedBy: readonly BaseOutlook[], now: Instant, style: Style): string {
  const newest = base.ledger.findLast(({ replacedAt }) => replacedAt === undefined);
  const lines = [style.bold(base.name), `  reference  ${baseKey(base)}`];
  if (base.managedBy !== undefined) lines.push(`  built by   ${base.managedBy}`);
  lines.push(
    newest
      ? `  newest     ${newest.digest}, first seen ${style.when(newest.firstSeen)}`
      : '  newest     not looked at yet',
  );
  for (const { digest, reason, until } of base.holds.filter((hold) => isInForce(hold, now))) {
    const ends = until === undefined ? '' : ` (ends ${style.when(until)})`;
    lines.push(`  hold       ${digest === undefined ? '' : `${digest.slice(0, 19)}: `}${reason}${ends}`);
  }
  const parts = [`${lines.join('\n')}\n`];
  if (usedBy.length > 0) {
    const rows = usedBy.map(({ image, kinds, delay, contains, approved, notes }) => [
      image,
      kinds.join(', '),
      formatDuration(delay),
      contains?.slice(0, 19) ?? 'not known',
      approved?.slice(0, 19) ?? 'none',
      notes[0] ? reasonText(notes[0], style.when) : 'nothing newer waits',
    ]);
    parts.push(table(['used by', 'as', 'delay', 'contains', 'approved', 'gate'], rows, style));
  }
  if (base.ledger.length > 0) parts.push(ledgerTable(base.ledger, style));
  return parts.join('\n');
}
