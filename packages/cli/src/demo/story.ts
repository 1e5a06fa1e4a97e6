import { setTimeout as sleep } from 'node:timers/promises';
import type { Decision, Plan } from '@image-factory/core/plan/types.ts';
import type { ImageRecord, LedgerEntry, Rebuild } from '@image-factory/core/state/types.ts';
import { prepareBases } from './bases.ts';
import { showKargo } from './kargo.ts';
import { writeFactory, type Place } from './place.ts';
import { playSecondAct } from './second-act.ts';
import { createStage } from './stage.ts';

interface CycleValue {
  readonly started: readonly string[];
  readonly ended: readonly { readonly image: string; readonly rebuild: Rebuild }[];
  readonly plan: Plan;
}

export async function play(place: Place): Promise<void> {
  const stage = createStage(place.dir, place.env);
  const bases = await prepareBases(place.sink, place.tool === 'buildah');
  const { host } = place;
  const run = bases.hasShell ? 'RUN echo "built here" > /etc/built\n' : '';
  const runs = async (...args: string[]): Promise<CycleValue> =>
    stage.ask<CycleValue>('run', '--once', ...args);
  const decision = (plan: Plan, name: string): Decision | undefined =>
    plan.decisions.find(({ image }) => image === name);
  const contains = async (name: string, base: string) =>
    (await stage.ask<ImageRecord>('status', name)).builtFrom[base];

  stage.say(
    place.registry === 'docker-registry'
      ? `A real registry runs on ${host}; images are built with ${place.tool === 'buildah' ? 'buildah' : 'layers only: no buildah (or not root) here, so nothing is executed'}.`
      : `No docker-registry here: an embedded registry runs on ${host}, and ${place.tool === 'buildah' ? 'buildah builds' : 'a builder that adds layers without executing anything builds'}.`,
  );

  stage.heading('Two files in git: images.yaml says what you build, factory.yaml how');
  const os1 = await bases.pushOs('1', '1.0');
  await bases.pushTools('lint 3');
  await bases.pushPostgres('16.3');
  await bases.pushPostgres('16.4');
  await place.remote.commit({
    'platform/Dockerfile': `FROM ${host}/base/os:1\n${run}COPY app.txt /app/platform.txt\n`,
    'platform/app.txt': 'platform\n',
    'runtime/Dockerfile': `FROM ${host}/acme/platform:1\nCOPY app.txt /app/runtime.txt\n`,
    'runtime/app.txt': 'runtime\n',
    'api/Dockerfile': `FROM ${host}/base/tools:3 AS tools\nFROM ${host}/acme/platform:1\nCOPY --from=tools /tools/lint /bin/lint\nCOPY app.txt /app/api.txt\n`,
    'api/app.txt': 'api\n',
    'web/Dockerfile': `ARG REGISTRY=${host}\nFROM \${REGISTRY}/acme/runtime:1\nCOPY --from=${host}/acme/api:1 /app/api.txt /app/api.txt\nCOPY app.txt /app/web.txt\n`,
    'web/app.txt': 'web\n',
  });
  await writeFactory(place, '7d');
  await stage.show('validate');

  stage.heading('Discovery: what is each image built from?');
  await stage.show('analyze');
  await stage.show('graph');
  const analyzed = await stage.ask<{ images: readonly { name: string; baseImages: readonly string[] }[] }>(
    'analyze',
  );
  const webBases = analyzed.images.find(({ name }) => name === 'web')?.baseImages.join();
  stage.prove(
    'web is a diamond: built from runtime and from api',
    webBases === 'acme-api-1,acme-runtime-1',
    webBases,
  );

  stage.heading('First builds: parents before children, each with its bases pinned by digest');
  const buildsBegan = Date.now();
  const first = await runs();
  const buildSeconds = (Date.now() - buildsBegan) / 1000;
  for (const { image, rebuild } of first.ended)
    stage.say(`  ${image.padEnd(9)} ${rebuild.outcome} ${rebuild.digest ?? rebuild.error ?? ''}`);
  const order = first.ended.map(({ image }) => image);
  stage.prove(
    'four images were built once each',
    order.toSorted().join() === 'api,platform,runtime,web',
    order.join(),
  );
  stage.prove(
    'platform came first and web last',
    order[0] === 'platform' && order.at(-1) === 'web',
    order.join(),
  );
  stage.prove(
    'all of them succeeded',
    first.ended.every(({ rebuild }) => rebuild.outcome === 'success'),
  );
  const proof = await contains('platform', 'base-os-1');
  stage.prove(
    'the layers of platform prove that it contains os 1.0',
    proof?.digest === os1 && proof.evidence === 'layers',
  );

  // Long enough that a base which is pushed later cannot mature while the images are being rebuilt.
  const delaySeconds = Math.max(12, Math.ceil(buildSeconds * 1.6) + 10);
  stage.heading(
    `A new base is pushed. It has to prove itself: 7 days for you, ${delaySeconds} seconds from here on`,
  );
  await writeFactory(place, `${delaySeconds}s`);
  const os2 = await bases.pushOs('2', '2.0');
  const seen2 = Date.now();
  await stage.ask('check', '--force');
  await sleep(1100);
  await stage.ask('check', '--force');
  await stage.show('explain', 'platform');
  const waiting = await runs('--force');
  const held = decision(waiting.plan, 'platform')?.notes.find(
    ({ code, to }) => code === 'not-matured' && to === os2,
  );
  stage.prove('nothing is rebuilt yet', waiting.started.length === 0, waiting.started.join());
  stage.prove('the plan says until when it waits', held?.until !== undefined);

  stage.heading('A newer digest appears meanwhile. It does not restart the wait');
  await sleep(Math.max(0, seen2 + (delaySeconds - 8) * 1000 - Date.now()));
  await stage.ask('check', '--force');
  const os3 = await bases.pushOs('3', '3.0');
  await stage.ask('check', '--force');
  await sleep(1100);
  await stage.ask('check', '--force');
  const { ledger } = await stage.ask<{ ledger: readonly LedgerEntry[] }>('history', 'base-os-1');
  const timer = ledger.find(({ digest }) => digest === os2)?.firstSeen ?? Number.NaN;
  stage.prove('os 2.0 matures exactly when it would have', timer + delaySeconds * 1000 === held?.until);
  stage.prove('os 3.0 is in the ledger behind it', ledger.at(-1)?.digest === os3);
  await stage.show('plan', '--all');

  stage.heading(
    'The delay is over: every image is rebuilt once, in order, with os 2.0 pinned although the tag is at 3.0',
  );
  await sleep(Math.max(0, (held?.until ?? 0) + 1500 - Date.now()));
  const { ended: second, plan: planned } = await runs();
  for (const { image, rebuild } of second)
    stage.say(
      `  ${image.padEnd(9)} ${rebuild.outcome} ${rebuild.pins.map(({ base, digest }) => `${base}@${digest.slice(0, 15)}`).join(' ')}`,
    );
  const rebuilt = second.map(({ image }) => image);
  const why = decision(planned, 'platform')
    ?.notes.map(({ code }) => code)
    .join();
  stage.prove(
    'each image was rebuilt exactly once',
    rebuilt.toSorted().join() === 'api,platform,runtime,web',
    rebuilt.join() || why,
  );
  stage.prove(
    'parents before children',
    rebuilt.indexOf('platform') === 0 && rebuilt.indexOf('web') === 3,
    rebuilt.join(),
  );
  const after = await contains('platform', 'base-os-1');
  stage.prove(
    'proof from the layers: platform contains os 2.0, not 3.0',
    after?.digest === os2 && after.evidence === 'layers',
  );
  await stage.show('status', 'web');

  stage.heading('An emergency: a person wants os 3.0 now, with a reason; web is on hold');
  await stage.show('hold', 'web', '--reason', 'release freeze of the web team');
  await stage.show('rebuild', 'platform', '--reason', 'CVE-2026-0001 is fixed in os 3.0');
  const urgent = await contains('platform', 'base-os-1');
  stage.prove('platform contains os 3.0 before its delay is over', urgent?.digest === os3);
  // Pushed here so that its delay passes while the children are built.
  const os4 = await bases.pushOs('3', '3.0.1');
  const seen4 = Date.now();
  const followed = await untilQuiet(runs);
  const names = followed
    .map(({ image }) => image)
    .toSorted()
    .join();
  stage.prove('its children followed, and the hold stopped web', names === 'api,runtime', names);
  const stopped = decision(await stage.ask<Plan>('plan'), 'web');
  stage.prove(
    'explain says why',
    stopped?.action === 'blocked' && stopped.notes.some(({ code }) => code === 'held'),
  );
  await stage.show('release', 'web');
  const released = await untilQuiet(runs);
  stage.prove(
    'released, web is rebuilt once',
    released.map(({ image }) => image).join() === 'web',
    released.map(({ image }) => image).join(),
  );

  stage.heading('A base was pushed again with equal content: a new digest, and nothing to rebuild');
  await bases.pushPostgres('16.5');
  await stage.ask('check', '--force');
  await sleep(Math.max(0, seen4 + delaySeconds * 1000 + 3000 - Date.now()));
  const quiet = await runs('--force');
  const equal = decision(quiet.plan, 'platform')?.notes.find(
    ({ code, to }) => code === 'equal-content' && to === os4,
  );
  stage.prove('no image was rebuilt', quiet.started.length === 0, quiet.started.join());
  stage.prove('because the content is equal, says the plan', equal !== undefined);

  stage.heading('External images are watched and gated the same way');
  await stage.show('explain', 'postgres');
  const postgres = decision(quiet.plan, 'postgres');
  stage.prove(
    'what is approved stands beside what is newest',
    postgres?.newest?.tag === '16.5' && postgres.approved !== undefined,
  );

  stage.heading('Everything is in git, and can be explained');
  await stage.show('history', 'platform', '--limit', '8');
  await stage.show('explain', 'web');
  const log = await place.remote.log('image-factory/state');
  stage.say(
    `The branch image-factory/state has ${log.length} commits; the newest: ${log[0]?.split('\n')[0] ?? ''}`,
  );
  stage.prove('every transaction is one commit', log.length > 10);

  await playSecondAct(place, stage, bases);

  stage.heading('The same factory on Kubernetes: what Kargo needs to run it');
  await showKargo(place, stage);

  stage.say(`
All ${stage.proved} claims held. Nothing is left running.

Next:
  image-factory init                 write images.yaml and factory.yaml in your repository
  image-factory doctor               see whether everything needed is there
  image-factory plan                 what a run would do, and why
  image-factory run                  do it, cycle after cycle
The README has the first ten minutes; docs/ has the rest.`);
}

/** Cycles until one starts nothing more; what was rebuilt, in the order in which it ended. */
async function untilQuiet(runs: (...args: string[]) => Promise<CycleValue>): Promise<CycleValue['ended']> {
  const ended: CycleValue['ended'][number][] = [];
  for (let cycle = 0; cycle < 8; cycle++) {
    const report = await runs('--force');
    ended.push(...report.ended);
    if (
      report.started.length === 0 &&
      report.plan.decisions.every(({ action }) => action !== 'wait' && action !== 'start')
    )
      return ended;
    await sleep(1000);
  }
  return ended;
}
