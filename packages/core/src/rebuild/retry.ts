import type { ManagedEnrolment, Settings } from '../enrolment/types.ts';
import { frozenBy } from '../plan/timing.ts';
import type { Run } from '../ports/builder.ts';
import { err, ok, type Result } from '../result.ts';
import type { FactoryState, Intent, Rebuild } from '../state/types.ts';
import { formatInstant, type Instant } from '../time.ts';
import { isOtherBuild } from './other-build.ts';
import { holdOn } from './intents.ts';

/** A person's wish to have the run of an image's last rebuild run again. */
export interface RetryRequest {
  readonly by: string;
  readonly reason: string;
}

export interface RetryContext {
  readonly settings: Settings;
  readonly now: Instant;
  readonly writer: string;
  readonly by: string;
  /** Of the source, as it is now; undefined where it cannot be read. */
  readonly revision: string | undefined;
}

/**
 * The intent of the last rebuild's attempt, open again with its key, its number and its run; or why it cannot be. `seen`
 * is how the provider shows that run. Nothing of it is a new attempt, whatever the provider counts.
 */
export function reopenedFor(
  state: FactoryState,
  { name, source, platforms }: ManagedEnrolment,
  seen: Run,
  context: RetryContext,
): Result<Intent, string> {
  const found = lastToRetry(state, name, context);
  if (!found.ok) return found;
  const { key, attempt, reason, requestedBy, pins, run, tries = 1 } = found.value;
  // It may be under way already, or through: somebody had it run again at its provider.
  const hasEnded = seen.status === 'failure' || seen.status === 'cancelled';
  if (isOtherBuild(seen, { key, attempt })) return err(`run ${run} is of another build at its provider`);
  if (seen.status === 'superseded')
    return err(`run ${run} left because another run holds the claim of its key`);
  if (hasEnded && seen.tried === undefined)
    return err(`the provider does not say which of its ends run ${run} shows`);
  const intent: Intent = {
    image: name,
    key,
    attempt,
    createdAt: context.now,
    writer: context.writer,
    epoch: state.engine?.epoch ?? 1,
    provider: source.provider,
    reason,
    ...(requestedBy === undefined ? {} : { requestedBy }),
    pins,
    platforms,
    ...(context.revision === undefined ? {} : { revision: context.revision }),
    retry: {
      by: context.by,
      tries: tries + 1,
      ...(hasEnded && seen.tried !== undefined ? { after: seen.tried } : {}),
    },
    run: { id: run, startedAt: context.now, ...(seen.url === undefined ? {} : { url: seen.url }) },
  };
  const hold = holdOn(state, intent, context.now);
  return hold ? err(`it is on hold: ${hold.reason}`) : ok(intent);
}

/** The rebuild whose run could be run again; it has ended, and nothing that stands against it is on record. */
export function lastToRetry(
  state: FactoryState,
  name: string,
  { settings, now, revision }: Pick<RetryContext, 'settings' | 'now' | 'revision'>,
): Result<Rebuild & { readonly run: string }, string> {
  const record = state.images.get(name);
  const open = state.intents.get(name);
  if (open) return err(`attempt ${open.attempt} of build ${open.key} is open`);
  const last = record?.rebuilds.at(-1);
  if (!record || !last) return err('no rebuild of it is recorded');
  const { outcome, run, key, attempt } = last;
  if (outcome !== 'failure' && outcome !== 'cancelled')
    return err(`its last rebuild ended as ${outcome}, which leaves nothing to run again`);
  if (last.overdue) return err(`run ${run ?? ''} was given up after its time and may still go on`);
  if (run === undefined) return err('its last rebuild ended before it had a run');
  // Attempts are ended in their order, unless a person wrote the record.
  if (
    record.rebuilds.some((each) => each.key === key && (each.outcome === 'success' || each.attempt > attempt))
  )
    return err(`build ${key} has gone beyond attempt ${attempt}`);
  if (last.revision === undefined || revision === undefined)
    return err('it cannot be told whether its source has changed since');
  if (last.revision !== revision) return err('its Dockerfile or its context has changed since');
  for (const { base, digest, reference } of last.pins) {
    const entry = state.bases.get(base)?.ledger.findLast((each) => each.digest === digest);
    if (entry?.withdrawnAt !== undefined || entry?.refused !== undefined)
      return err(`${reference}@${digest}, which it builds on, is not to be used any more`);
  }
  const frozen = frozenBy(settings.freezeWindows, now, false);
  if (frozen) return err(`there is a freeze until ${formatInstant(frozen.until)}`);
  return ok({ ...last, run });
}

/** Does the provider still show the end that the run had before it was to be run again? */
export function isEndBefore({ retry }: Intent, seen: Run): boolean {
  return retry?.after !== undefined && seen.status !== 'running' && seen.tried === retry.after;
}
