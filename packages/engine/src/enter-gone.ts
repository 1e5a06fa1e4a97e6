import { annotate } from '@image-factory/core/ledger/observe.ts';
import type { BaseRecord, Event, FactoryState } from '@image-factory/core/state/types.ts';
import type { Instant } from '@image-factory/core/time.ts';
import type { Changed } from './records.ts';

/** Enters that a registry no longer serves digests; `gone` holds `base@digest`. */
export function enterGone(before: FactoryState, gone: ReadonlySet<string>, now: Instant): Changed {
  const bases = new Map<string, BaseRecord>();
  const events: Event[] = [];
  for (const name of gone) {
    const at = name.indexOf('@');
    const base = bases.get(name.slice(0, at)) ?? before.bases.get(name.slice(0, at));
    const entry = base?.ledger.find(({ digest }) => digest === name.slice(at + 1));
    if (!base || !entry || entry.goneAt !== undefined) continue;
    bases.set(base.name, { ...base, ledger: annotate(base.ledger, entry.digest, { goneAt: now }) });
    events.push({
      at: now,
      type: 'base-gone',
      base: base.name,
      text: `${base.name}: ${entry.digest} is no longer served`,
    });
  }
  if (events.length === 0) return { state: before, events };
  return { state: { ...before, bases: new Map([...before.bases, ...bases]) }, events };
}
