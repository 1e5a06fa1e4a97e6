import type { ManagedEnrolment } from '../enrolment/types.ts';
import type { ImageRecord, Pin } from '../state/types.ts';
import type { Instant } from '../time.ts';
import type { AssessContext } from './assess-context.ts';
import { isInForce, type BaseVerdict } from './bases.ts';
import { breakerOf, overdueRun } from './failures.ts';
import { frozenBy } from './timing.ts';
import type { Reason, RebuildRequest } from './types.ts';

/** A person's stop, shown whether or not anything is due. */
export function heldBy({ hold }: ImageRecord, now: Instant): Reason[] {
  if (!hold || !isInForce(hold, now)) return [];
  return [{ code: 'held', detail: hold.reason, ...(hold.until === undefined ? {} : { until: hold.until }) }];
}

/** A build that ignored its pins stops the image, whether something newer is due or not. */
export function drifted(record: ImageRecord, pins: readonly Pin[]): Reason[] {
  const breaker = breakerOf(record, pins);
  if (breaker.kind !== 'drift') return [];
  return [{ code: 'base-drift', ...(breaker.error ? { detail: breaker.error } : {}) }];
}

/** Why an image that is due cannot start, whatever the time. */
export function blockedBy(
  enrolment: ManagedEnrolment,
  record: ImageRecord,
  verdicts: readonly BaseVerdict[],
  { input, graph }: AssessContext,
  how: { emergency: boolean; request: RebuildRequest | undefined; pins: readonly Pin[] },
): Reason[] {
  const { now, settings } = input;
  const blocked: Reason[] = [];
  blocked.push(...heldBy(record, now));
  if (!how.request?.pins) for (const { pinless } of verdicts) if (pinless) blocked.push(pinless);
  const frozen = frozenBy(settings.freezeWindows, now, how.emergency);
  if (frozen) blocked.push({ code: 'frozen', detail: frozen.window.name, until: frozen.until });
  const notNow = input.facts.notNow?.get(enrolment.name);
  // What nothing here would start anyway is only reported: a builder would not change that.
  const isReported = !how.request && (!enrolment.autoRebuild || enrolment.mode === 'pull-request');
  const elsewhere = isReported && notNow?.code === 'no-builder';
  if (notNow && !elsewhere) blocked.push(notNow);
  const overdue = overdueRun(record, settings.limits.runTimeout, now);
  if (overdue) {
    const { run, key } = overdue.rebuild;
    blocked.push({ code: 'run-overdue', detail: run ?? key, until: overdue.until });
  }
  if (how.request) return blocked;

  const at = elsewhere && notNow.detail !== undefined ? { detail: notNow.detail } : {};
  if (!enrolment.autoRebuild) blocked.push({ code: 'auto-rebuild-off', ...at });
  if (enrolment.mode === 'pull-request') blocked.push({ code: 'pull-request-mode', ...at });
  if (graph.onCycle.has(enrolment.name)) {
    const cycle = graph.cycles.find((members) => members.includes(enrolment.name));
    blocked.push({ code: 'on-cycle', ...(cycle ? { detail: cycle.join(' -> ') } : {}) });
  }
  blocked.push(...drifted(record, how.pins));
  const breaker = breakerOf(record, how.pins);
  if (breaker.kind === 'stopped') {
    blocked.push({
      code: 'stopped-after-failures',
      detail: `${breaker.failures} failures; last: ${breaker.error ?? 'unknown'}`,
    });
  }
  if (breaker.kind === 'back-off' && breaker.until > now)
    blocked.push({ code: 'back-off', until: breaker.until });
  return blocked;
}
