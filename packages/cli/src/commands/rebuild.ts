import { randomUUID } from 'node:crypto';
import type { RetryRequest } from '@image-factory/core/rebuild/retry.ts';
import type { CycleOptions } from '@image-factory/engine/cycle.ts';
import { FactoryError } from '@image-factory/core/problem.ts';
import type { Answer } from '../answer.ts';
import { managedAs } from '../enrolled.ts';
import type { Flags } from '../flags.ts';
import { openFactory, type Factory } from '../factory.ts';
import type { GlobalOptions } from '../global-options.ts';
import type { Io } from '../io.ts';
import { personOf } from '../person.ts';
import { reasonOf } from '../reason.ts';
import { cycleValue, endedText } from '../render/cycle.ts';
import { explainText } from '../render/decisions.ts';
import { stopSignal } from '../stop-signal.ts';

/** A person's rebuild: at once, past the delay unless asked otherwise, never past a hold. The reason is recorded. */
export async function rebuild(
  options: GlobalOptions,
  io: Io,
  args: readonly string[],
  flags: Flags,
): Promise<Answer> {
  const name = args[0] ?? '';
  const retry = flags['retry'] === true;
  const reason = reasonToRebuild(flags);
  const factory = await openFactory(options, io);
  const stop = stopSignal();
  try {
    managedAs(name, factory.config.images, 'Only images with a source can be rebuilt.');
    const by = personOf(io);
    const skipDelay = flags['respectDelay'] !== true;
    const common = { follow: flags['wait'] === true, signal: stop.signal };
    if (retry) return await runLastAgain(factory, name, { by, reason }, common);
    const report = await factory.cycle({
      ...common,
      requests: new Map([[name, { id: randomUUID(), reason, by, skipDelay }]]),
      startOnly: new Set([name]),
    });
    const own = report.ended.filter(({ image }) => image === name);
    const decision = report.plan.decisions.find(({ image }) => image === name);
    const started = report.started.includes(name);
    return {
      value: cycleValue(report),
      text: (style) => {
        if (own.length > 0) return endedText({ ...report, ended: own }, style);
        if (started) return `${name} was started\n`;
        return `${style.bad('not started')}\n${decision ? explainText(decision, style) : ''}`;
      },
      problems: report.problems.filter(({ subject }) => subject?.kind !== 'image' || subject.name === name),
      exit: started && own.every(({ rebuild: { outcome } }) => outcome === 'success') ? 0 : 1,
    };
  } finally {
    stop.dispose();
    await factory.close();
  }
}

function reasonToRebuild(flags: Flags): string {
  const { retry, respectDelay, reason } = flags;
  if (retry === true && respectDelay === true) {
    throw new FactoryError({
      code: 'USAGE',
      message: '--respect-delay does not go with --retry',
      hint: 'What is run again has the digests that it had.',
    });
  }
  if (reason !== undefined) return reasonOf(flags);
  if (retry === true) return 'no reason given';
  throw new FactoryError({
    code: 'USAGE',
    message: "required option '--reason <text>' not specified",
    hint: 'Say why: it is recorded. image-factory --help lists the commands and options.',
  });
}

/** The last attempt is open again, or it is said why not; nothing else is started. */
async function runLastAgain(
  factory: Factory,
  image: string,
  request: RetryRequest,
  common: CycleOptions,
): Promise<Answer> {
  const only = new Set([image]);
  const report = await factory.cycle({ ...common, retry: { image, ...request }, startOnly: new Set(), only });
  const ended = report.ended.findLast((each) => each.image === image);
  const open = report.state.intents.get(image)?.retry !== undefined;
  return {
    value: cycleValue(report),
    text: (style) => {
      if (ended) return endedText({ ...report, ended: [ended] }, style);
      return open ? `the last run of ${image} is run again\n` : `${style.bad('not run again')}\n`;
    },
    problems: report.problems.filter(({ subject }) => subject?.kind !== 'image' || subject.name === image),
    exit: ended ? (ended.rebuild.outcome === 'success' ? 0 : 1) : open ? 0 : 1,
  };
}
