import { formatInstant } from '../time.ts';
import type { Reason, ReasonCode } from './types.ts';

/** One sentence for people. `instant` prints a time; the command line passes one that prints relative times. */
export function reasonText(reason: Reason, instant: (at: number) => string = formatInstant): string {
  return texts[reason.code]({ ...reason, when: reason.until === undefined ? '' : instant(reason.until) });
}

type Told = Reason & { readonly when: string };

const short = (digest: string | undefined): string =>
  digest ? digest.replace(/^(\w+:[0-9a-f]{12}).*/, '$1') : 'nothing';
const of = (told: Told): string => told.base ?? told.detail ?? '';
const until = (told: Told): string => (told.when ? ` (ends ${told.when})` : '');

const texts: Record<ReasonCode, (told: Told) => string> = {
  'never-built': () => 'it was never built',
  'newer-base': (told) => `${of(told)} has a newer approved digest: ${short(told.from)} -> ${short(told.to)}`,
  'evidence-unknown': (told) => {
    if (told.from)
      return `it contains ${short(told.from)} of ${of(told)}, which was never seen under that tag`;
    const unknown = `what it contains of ${of(told)} is not known`;
    return told.to ? `${unknown}, and it was built before ${short(told.to)} appeared` : unknown;
  },
  'contains-withdrawn': (told) =>
    `ALARM: it contains ${short(told.from)}${told.base ? ` of ${told.base}` : ''}, which was ${told.detail ?? 'withdrawn'}`,
  'emergency-cve': (told) =>
    `emergency: ${told.detail ?? 'a critical CVE'} is removed by ${short(told.to)} of ${of(told)}`,
  requested: (told) => `requested by ${told.detail ?? 'a person'}`,
  'up-to-date': () => 'it is built on the newest approved bases',
  baseline: (told) => `${of(told)} is at its baseline ${short(told.to)}, which is no reason to rebuild`,
  'not-matured': (told) =>
    `${told.base ?? told.detail ?? ''} ${short(told.to)} has to prove itself${told.when ? `: matures ${told.when}` : ''}`,
  'not-settled': (told) => `${told.base ?? told.detail ?? ''} ${short(told.to)} was seen only once so far`,
  'platform-missing': (told) => `${of(told)} ${short(told.to)} lacks ${told.detail ?? 'a platform'}`,
  'not-described': (told) => `${of(told)} ${short(told.to)} could not be read yet`,
  'busy-tag': (told) =>
    `${of(told)} moves so often that no digest stands long; its newest matured digest is used`,
  'ahead-of-gate': (told) =>
    told.to
      ? `it contains ${short(told.from)} of ${of(told)}, newer than the approved ${short(told.to)}; it is left alone`
      : `it contains ${short(told.from)} of ${of(told)}, whose delay is not over; it is left alone`,
  'evidence-conflict': (told) =>
    `the evidence about ${of(told)} disagrees (${told.detail ?? ''}): ${short(told.from)} or ${short(told.to)}`,
  'not-provable': (told) => `layers cannot prove which ${of(told)} was used`,
  'pinned-in-source': (told) =>
    told.to
      ? `the Dockerfile pins ${of(told)} to ${short(told.from)}; its tag is at ${short(told.to)}`
      : `the Dockerfile pins ${of(told)} to ${short(told.from)}`,
  unwatchable: (told) => `${of(told)} has a digest and no tag: nothing can be watched`,
  'needs-source-change': (told) =>
    `${of(told)} is a tag that no build of ${told.image ?? 'the parent'} moves: the Dockerfile has to change`,
  withdrawn: (told) => `${told.base ?? told.detail ?? ''} ${short(told.to)} was withdrawn`,
  refused: (told) => `${of(told)} ${short(told.to)} was refused by verification`,
  'held-digest': (told) =>
    `${told.base ?? 'its digest'} ${short(told.to)} is on hold: ${told.detail ?? 'no reason given'}${until(told)}`,
  gone: (told) => `${of(told)} ${short(told.to)} is no longer served by the registry`,
  'short-lived': (told) => `${of(told)} ${short(told.to)} was replaced too soon to be trusted`,
  'equal-content': (told) =>
    `${of(told)} ${short(told.to)} has the same content as ${short(told.from)}: no rebuild needed`,
  unobserved: (told) => `${of(told) || 'its tags'} could not be observed yet`,
  'syntax-image': (told) => `${of(told)} is a Dockerfile frontend: observed, never a reason`,
  'ignored-stage': (told) => `${of(told)} is used in a builder stage only (rebuildOn: final)`,
  retagged: (told) => `the tag ${told.detail ?? ''} was pushed again with other content: ${short(told.to)}`,
  'publishers-word': () => "newest by the publisher's own date",
  approved: (told) => `approved: ${told.detail ?? ''} ${short(told.to)}`,
  'waits-for-slot': (told) =>
    told.when ? `waits for its slot ${told.when}` : 'its schedule never comes again',
  'waits-for-digest': (told) => `waits for another digest that is about to mature ${told.when}`,
  'coordination-window': (told) => `waits for changes that come together${until(told)}`,
  'waits-for-parent': (told) => `waits for its parent ${told.image ?? ''}${until(told)}`,
  'parent-stuck': (told) =>
    `its parent ${told.image ?? ''} is stuck; goes on with the parent's current digest`,
  'parent-unobserved': (told) => `its parent ${told.image ?? ''} has not been built yet`,
  running: (told) => `a run is open (key ${told.detail ?? ''})`,
  'run-overdue': (told) => `run ${told.detail ?? ''} took too long and may still end${until(told)}`,
  held: (told) => `on hold: ${told.detail ?? 'no reason given'}${until(told)}`,
  frozen: (told) => `freeze window ${told.detail ?? ''}${until(told)}`,
  'back-off': (told) => `the last attempt failed; the next one comes ${told.when}`,
  'stopped-after-failures': (told) =>
    `stopped after ${told.detail ?? 'failures'}; a person or a new base clears it`,
  'base-drift': (told) => `stopped: ${told.detail ?? 'the build did not use the approved base'}`,
  'auto-rebuild-off': ({ detail }) =>
    detail === undefined
      ? 'autoRebuild is off: reported only; a person has to start it (image-factory rebuild)'
      : `autoRebuild is off: reported only; a person has to start it at provider ${detail}, nothing here can`,
  'pull-request-mode': ({ detail }) =>
    `pull-request mode: reported only; a person has to merge the new base into its source${
      detail === undefined ? '' : ` and to have it built by provider ${detail}, nothing here can`
    }`,
  'on-cycle': (told) => `it is on a cycle: ${told.detail ?? ''}`,
  'discovery-failed': (told) => `its Dockerfile could not be read: ${told.detail ?? ''}`,
  'discovery-pending': () => 'its Dockerfile has not been read yet',
  'concurrency-limit': (told) => `${told.detail ?? ''} rebuilds run already`,
  'provider-limit': (told) => `the provider's limit is reached (${told.detail ?? ''})`,
  'cycle-limit': (told) => `${told.detail ?? ''} starts in one cycle are enough`,
  'daily-limit': (told) => `${told.detail ?? ''} starts a day are enough${until(told)}`,
  'unknown-evidence-limit': (told) =>
    `${told.detail ?? ''} rebuilds a day on unknown evidence are enough${until(told)}`,
  'waits-for-canaries': () => 'waits until the canaries have succeeded',
  'wave-halted': (told) => `too many builds with ${told.detail ?? ''} failed`,
  'registry-silent': (told) =>
    `the registry of ${of(told)} could not be asked whether it still serves ${short(told.to)}`,
  'no-builder': (told) => `nothing here can start builds of provider ${told.detail ?? ''}`,
  'already-built': () => 'exactly this build has succeeded already',
  'request-open': (told) => `its request is open: ${told.detail ?? ''}`,
  'request-declined': (told) =>
    `a person closed the request that proposed this${told.detail === undefined ? '' : ` (${told.detail})`}; the next digest is proposed again`,
};
