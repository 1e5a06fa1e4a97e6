import type { ManagedEnrolment } from '../enrolment/types.ts';
import type { ImageRecord } from '../state/types.ts';
import type { Instant } from '../time.ts';
import type { BaseVerdict } from './bases.ts';
import { nextSlot } from './timing.ts';
import type { PlanInput, Reason, RebuildRequest } from './types.ts';

/** The earliest start: at once, in the coordination window of pushes, or in the daily slot (brief 4.3.5). */
export function startOf(
  enrolment: ManagedEnrolment,
  record: ImageRecord,
  verdicts: readonly BaseVerdict[],
  how: { emergency: boolean; request: RebuildRequest | undefined; dueSince: Instant },
  { settings, now }: PlanInput,
): { at: Instant; notes: Reason[] } {
  if (how.request || !record.content) return { at: now, notes: [] };
  const window = settings.timing.coordinationWindow;
  const urgent = verdicts.filter(
    ({ due, parent, emergency, batched }) =>
      due && !batched && (parent !== undefined || emergency || due.code === 'contains-withdrawn'),
  );
  const pushed =
    urgent.length > 0 ? Math.min(...urgent.flatMap(({ dueSince }) => dueSince ?? now)) + window : undefined;
  if (how.emergency && pushed !== undefined)
    return { at: pushed, notes: waiting('coordination-window', pushed, now) };

  const slot = nextSlot(enrolment.name, enrolment.schedule, how.dueSince);
  if (pushed !== undefined && (slot === undefined || pushed <= slot)) {
    return { at: pushed, notes: waiting('coordination-window', pushed, now) };
  }
  if (slot === undefined) return { at: Number.POSITIVE_INFINITY, notes: [{ code: 'waits-for-slot' }] };

  // Digests that are known at the first slot and mature soon after it are waited for, once: judged from that slot and
  // not from now, so that the wait neither repeats nor ends off the slot when the first of them has matured.
  const latest = slot + settings.timing.lookAhead;
  const soon = verdicts
    .flatMap(({ maturing }) => maturing)
    .filter(({ seenAt, matureAt }) => seenAt <= slot && matureAt > slot && matureAt <= latest)
    .map(({ matureAt }) => matureAt);
  if (soon.length > 0) {
    const later = nextSlot(enrolment.name, enrolment.schedule, Math.max(...soon)) ?? latest;
    const at = Math.min(later, latest);
    return { at, notes: waiting('waits-for-digest', at, now) };
  }
  return { at: slot, notes: waiting('waits-for-slot', slot, now) };
}

function waiting(code: Reason['code'], until: Instant, now: Instant): Reason[] {
  return until > now ? [{ code, until }] : [];
}
