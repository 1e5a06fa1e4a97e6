import { randomUUID } from 'node:crypto';
import { userInfo } from 'node:os';
import { FactoryError } from '@image-factory/core/problem.ts';
import type { Answer } from '../answer.ts';
import type { Flags } from '../flags.ts';
import { openFactory } from '../factory.ts';
import type { GlobalOptions } from '../global-options.ts';
import type { Io } from '../io.ts';
import { unknownName } from '../names.ts';
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
  const factory = await openFactory(options, io);
  const stop = stopSignal();
  try {
    const enrolment = factory.config.images.find((image) => image.name === name);
    if (!enrolment)
      throw new FactoryError(
        unknownName(
          name,
          factory.config.images.map((image) => image.name),
        ),
      );
    if (enrolment.kind === 'external') {
      throw new FactoryError({
        code: 'USAGE',
        message: `${name} is an external image: others build it`,
        hint: 'Only images with a source can be rebuilt.',
        subject: { kind: 'image', name },
      });
    }
    const request = {
      id: randomUUID(),
      reason: reasonOf(flags),
      by: io.env['IMAGE_FACTORY_USER'] ?? userName(),
      skipDelay: flags['respectDelay'] !== true,
    };
    const report = await factory.cycle({
      requests: new Map([[name, request]]),
      startOnly: new Set([name]),
      follow: flags['wait'] === true,
      signal: stop.signal,
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

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return 'unknown';
  }
}
