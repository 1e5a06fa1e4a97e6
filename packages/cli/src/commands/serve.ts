import { resolve } from 'node:path';
import { createSecretSource } from '@image-factory/adapters/secrets/secret-source.ts';
import { parseListen } from '@image-factory/core/enrolment/server-settings.ts';
import type { FactoryConfig } from '@image-factory/core/enrolment/types.ts';
import { FactoryError, formatProblem, problemOf, type Problem } from '@image-factory/core/problem.ts';
import { newDecodeCache } from '@image-factory/core/state/decode-cache.ts';
import { createAlarm } from '@image-factory/engine/alarm.ts';
import { handedState, startHanded } from '@image-factory/engine/handed.ts';
import { runLoop } from '@image-factory/engine/loop.ts';
import { createRunNews } from '@image-factory/engine/run-news.ts';
import { takeReport } from '@image-factory/engine/take-report.ts';
import { createApp } from '@image-factory/server/app.ts';
import { listen } from '@image-factory/server/listen.ts';
import type { ServerParts } from '@image-factory/server/parts.ts';
import type { Answer } from '../answer.ts';
import { openFactory } from '../factory.ts';
import type { Flags } from '../flags.ts';
import type { GlobalOptions } from '../global-options.ts';
import type { Io } from '../io.ts';
import { atJobPlace, type JobPlace } from '../job-place.ts';
import { newsTo, tellCycle } from '../loop-news.ts';
import { openCallBacks } from '../open-call-backs.ts';
import { stopSignal } from '../stop-signal.ts';
import { createTurns } from '../turns.ts';

/**
 * The loop, and a server beside it: CI systems tell it of their runs, and with the kargo engine it starts what Kargo asks
 * for and follows that; Kargo's Jobs then decide and leave the runs to it.
 */
export async function serve(
  options: GlobalOptions,
  io: Io,
  _args: readonly string[],
  flags: Flags,
): Promise<Answer> {
  return atJobPlace(options, io, flags, (place) => serveAt(place, flags));
}

async function serveAt(place: JobPlace, flags: Flags): Promise<Answer> {
  const { options, io } = place;
  const factory = await openFactory(options, io, place.override, { isServer: true });
  const { deps, log } = factory;
  const stop = stopSignal();
  const alarm = createAlarm(deps.clock);
  const turns = createTurns();
  let { config } = factory;
  let failing: string | undefined = 'the first cycle has not ended';
  const runs = createRunNews(alarm);
  const warn = newsTo(log);

  async function reload(): ReturnType<typeof factory.reload> {
    const read = await factory.reload();
    if (!read.ok) {
      failing = 'the configuration is wrong';
      return read;
    }
    config = read.value;
    warn(read.problems);
    return read;
  }

  try {
    warn(factory.warnings);
    const cache = newDecodeCache();
    const cacheFor = () => cache;
    const callBacksOf = openCallBacks(options.dir, () => config.settings.providers, io);
    const secrets = createSecretSource({ baseDir: resolve(io.cwd, options.dir), environment: io.env });
    const parts: ServerParts = {
      async token() {
        const { token } = config.settings.server;
        return token && secrets.read(token, 'image-factory');
      },
      callBacksOf,
      async takeReport(provider, report) {
        const image = await turns.shared(() => takeReport(deps, config.settings.engine, provider, report));
        if (image !== undefined) alarm.ring();
        return image;
      },
      lookSoon: (provider, run) => runs.hear(provider, run),
      startRebuild: (handed) =>
        turns.shared(async () => {
          const { state, intents, problems } = await startHanded(deps, config, handed, { cacheFor });
          for (const problem of problems) log.warn(formatProblem(problem));
          runs.known(intents);
          if (state.kind === 'ended' && !state.recorded) alarm.ring();
          return state;
        }),
      rebuildState: (handed) => turns.shared(() => handedState(deps, config, handed, { cacheFor })),
      notReady: () => failing,
      log,
    };
    // Whoever asks finds builders that are open.
    await reload();
    const listening = await listen(createApp(parts), addressOf(flags, config));
    log.info(`listening at ${listening.url}`);
    try {
      await runLoop(deps, {
        async config() {
          // A slow repository holds up the loop, and nobody who asks.
          await place.refresh().catch((thrown: unknown) => warn([problemOf(thrown)]));
          return turns.alone(reload);
        },
        alarm,
        onReport(report) {
          failing = undefined;
          runs.known(report.state.intents);
          tellCycle(report, log);
        },
        onProblems(problems: readonly Problem[]) {
          failing ??= 'the last cycle could not be run';
          for (const problem of problems) log.warn(formatProblem(problem));
        },
        signal: stop.signal,
      });
    } finally {
      await listening.close();
    }
    return { value: { stopped: true }, text: () => 'stopped\n' };
  } finally {
    stop.dispose();
    await factory.close();
  }
}

function addressOf({ listen: said }: Flags, { settings }: FactoryConfig) {
  if (typeof said !== 'string') return settings.server.listen;
  const address = parseListen(said);
  if (address) return address;
  throw new FactoryError({
    code: 'USAGE',
    message: `--listen ${said} is not host:port`,
    hint: 'Write 127.0.0.1:8480, 0.0.0.0:8480 or [::1]:8480.',
  });
}
