import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { FactoryConfig } from '@image-factory/core/enrolment/types.ts';
import type { ImageRecord, LedgerEntry } from '@image-factory/core/state/types.ts';
import { minute } from '@image-factory/core/time.ts';
import { loadConfig } from '../config-files.ts';
import type { Bases } from './bases.ts';
import { startForge, type Forge } from './forge.ts';
import type { Place } from './place.ts';
import type { Stage } from './stage.ts';

const branch = 'image-factory/ci-state';
/** Not a secret of anybody's; it lives in an environment variable all the same, as a real one does. */
const variable = 'DEMO_FORGE_TOKEN';

/** The team's own CI builds, and what can go wrong between it and the factory does: each image is built once. */
export async function playSecondAct(place: Place, firstAct: Stage, bases: Bases): Promise<void> {
  const root = join(dirname(place.dir), 'second-act');
  const dir = join(root, 'factory');
  await mkdir(dir, { recursive: true });
  const env = { ...place.env, [variable]: `demo-${process.pid}` };
  const stage = firstAct.elsewhere(dir, env);
  const forge = await startForge(place, join(root, 'runner'), env[variable] ?? '');
  try {
    await play({ place, stage, bases, forge, dir, env, otherCache: join(root, 'other-machine') });
  } finally {
    await forge.close();
  }
}

interface Scene {
  readonly place: Place;
  readonly stage: Stage;
  readonly bases: Bases;
  readonly forge: Forge;
  readonly dir: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** What another machine remembers: nothing yet. */
  readonly otherCache: string;
}

async function play(scene: Scene): Promise<void> {
  const { place, stage, bases, forge } = scene;
  const { host, remote } = place;

  stage.heading('The second act: your CI builds. Here it is a GitHub that this demo plays over real HTTP');
  const base = await bases.pushOs('4', '4.0');
  const folder = (name: string) => ({
    [`${name}/Dockerfile`]: `FROM ${host}/base/os:1\nCOPY app.txt /app/${name}.txt\n`,
    [`${name}/app.txt`]: `${name}\n`,
  });
  await remote.commit({ ...folder('shop'), ...folder('mail'), ...folder('search') });
  await writeFactory(scene, ['shop']);
  stage.say(`  factory.yaml   providers: { github: { url: ${forge.url}, token: { env: ${variable} } } }
  images.yaml    source: { provider: github, repo: ${forge.repository}, ... }`);

  await killedWhileStarting(scene, base);
  await foundByItsKey(scene);
  await builtOnce(scene, base);
  await answersThatNeverCame(scene, base);
}

async function killedWhileStarting({ place, stage, forge }: Scene, base: string): Promise<void> {
  stage.heading('The factory is killed after GitHub accepted the start, and before it could hear of it');
  const accepted = forge.upset('shop', 'held');
  const first = stage.start({}, 'run', '--once');
  try {
    await Promise.race([
      accepted,
      first.ended.then(({ err }) => Promise.reject(new Error(`it ended before it started anything: ${err}`))),
    ]);
  } finally {
    first.kill();
  }
  const { signal } = await first.ended;
  forge.letGo();
  const { inputs = {}, id } = forge.runs[0] ?? {};
  stage.say('  GitHub was asked to start build-image.yml with');
  for (const [name, value] of Object.entries(inputs)) stage.say(`    ${name.padEnd(23)} ${shortened(value)}`);
  stage.prove(
    'the run was given its key, and the base pinned by digest',
    /^[0-9a-f]{32,}$/.test(inputs['factory_key'] ?? '') &&
      inputs['factory_pins']?.includes(base) === true &&
      inputs['factory_build_contexts']?.endsWith(`@${base}`) === true,
    JSON.stringify(inputs),
  );
  stage.prove(`GitHub has run ${id}; the factory was killed by ${signal}`, signal === 'SIGKILL');
  const intent = await intentOf(place, 'shop');
  stage.say(indented(intent));
  stage.prove(
    'the intent is in git with the same key, and without a run',
    intent.includes(inputs['factory_key'] ?? 'no key') && !/^run:/m.test(intent),
    intent,
  );
}

async function foundByItsKey({ place, stage, forge, otherCache }: Scene): Promise<void> {
  stage.heading('Another process, on another machine: it has nothing but git, and finds the run by its key');
  const began = Date.now();
  const second = stage.start({ IMAGE_FACTORY_CACHE_DIR: otherCache }, 'run', '--once');
  const { code, err } = await second.ended;
  const took = Date.now() - began;
  stage.prove('it ended well', code === 0, err);
  const run = forge.runs[0]?.id ?? '';
  const intent = await intentOf(place, 'shop');
  stage.say(indented(/^run:(?:\n +.*)*/m.exec(intent)?.[0] ?? ''));
  stage.prove(
    `the intent now names run ${run}`,
    new RegExp(`^ +id: ["']?${run}\\b`, 'm').test(intent),
    intent,
  );
  stage.prove(
    `nothing was started again: ${forge.starts} start, ${forge.runs.length} run`,
    forge.starts === 1 && forge.runs.length === 1,
  );
  stage.prove(
    `and it did not wait: a run that is there is taken up at once (${seconds(took)})`,
    took < minute,
  );
}

async function builtOnce(scene: Scene, base: string): Promise<void> {
  const { stage, forge, bases, dir } = scene;
  stage.heading('A runner takes the run. The tag of the base has moved on meanwhile; the pin has not');
  const moved = await bases.pushOs('5', '5.0');
  await forge.work(await configOf(dir));
  await stage.show('run', '--once', '--force');
  await proveBuilt(scene, 'shop', base);
  const { ledger } = await stage.ask<{ readonly ledger: readonly LedgerEntry[] }>('history', 'base-os-1');
  stage.prove(
    'os 5.0 is seen, and has to prove itself: nothing was started for it',
    ledger.at(-1)?.digest === moved && forge.starts === 1,
  );
  await stage.show('status', 'shop');
}

async function answersThatNeverCame(scene: Scene, base: string): Promise<void> {
  const { stage, forge, dir } = scene;
  stage.heading('GitHub accepts, and answers 502 for one image; for another the connection breaks');
  await writeFactory(scene, ['shop', 'mail', 'search']);
  void forge.upset('mail', '502');
  void forge.upset('search', 'lost');
  await stage.show('run', '--once');
  const starts = ['mail', 'search'].map((name) => forge.runs.filter(({ image }) => image === name).length);
  stage.prove(
    'neither start was sent a second time: one run each',
    starts.join() === '1,1' && forge.starts === 3,
    `${starts.join()} of ${forge.starts}`,
  );
  await forge.work(await configOf(dir));
  await stage.ask('run', '--once');
  await proveBuilt(scene, 'mail', base);
  await proveBuilt(scene, 'search', base);
  const last = await stage.ask<{ readonly started: readonly string[] }>('run', '--once');
  stage.prove(
    'a last cycle has nothing to do: three starts, three runs, three pushes',
    last.started.length === 0 &&
      [forge.starts, forge.runs.length, forge.pushes.length].every((count) => count === 3),
  );
}

/** One run, one push, and the layers of what was pushed begin with those of the pinned base. */
async function proveBuilt({ stage, forge, place }: Scene, name: string, base: string): Promise<void> {
  const { rebuilds, builtFrom, content } = await stage.ask<ImageRecord>('status', name);
  const runs = forge.runs.filter(({ image }) => image === name);
  const pushes = forge.pushes.filter(({ image }) => image === name);
  const [rebuild] = rebuilds;
  stage.prove(
    `${name}: one run, one push that carries its key, and git has its digest ${pushes[0]?.digest.slice(0, 19)}`,
    runs.length === 1 &&
      pushes.length === 1 &&
      rebuilds.length === 1 &&
      rebuild?.outcome === 'success' &&
      rebuild.run === runs[0]?.id &&
      rebuild.digest === pushes[0]?.digest &&
      content?.buildKey === runs[0]?.key,
    JSON.stringify(rebuilds),
  );
  const contained = builtFrom['base-os-1'];
  stage.prove(
    `${name}: its layers prove that it contains the pinned os 4.0`,
    contained?.digest === base && contained.evidence === 'layers' && (await intentOf(place, name)) === '',
    JSON.stringify(contained),
  );
}

async function configOf(dir: string): Promise<FactoryConfig> {
  const loaded = await loadConfig(dir);
  if (!loaded.ok) throw new Error(loaded.error.map(({ message }) => message).join('\n'));
  return loaded.value;
}

/** The open intent of an image as it stands in git; empty where there is none. */
async function intentOf({ remote }: Place, image: string): Promise<string> {
  const files = await remote.files(branch);
  return files.get(`state/intents/${image}.yaml`) ?? files.get(`intents/${image}.yaml`) ?? '';
}

async function writeFactory({ place, forge, dir }: Scene, names: readonly string[]): Promise<void> {
  const { host, remote } = place;
  const images = names.map(
    (name) => `  - name: ${name}
    repository: ${host}/acme/${name}
    tags: ["1"]
    source: { provider: github, repo: ${forge.repository}, branch: main, dockerfile: ${name}/Dockerfile }
`,
  );
  await writeFile(
    join(dir, 'images.yaml'),
    `defaults: { rebuildDelay: 7d, schedule: "* * * * * *" }\nimages:\n${images.join('')}`,
  );
  await writeFile(
    join(dir, 'factory.yaml'),
    `engine: embedded
state: { mode: git, remote: ${remote.path}, branch: ${branch} }
registries: { "${host}": { insecure: true } }
providers: { github: { url: "${forge.url}", token: { env: ${variable} } } }
timing: { settle: 1s, coordinationWindow: 0s, lookAhead: 0s }
`,
  );
}

function shortened(text: string): string {
  const line = text.replaceAll('\n', ' ');
  return line.length > 84 ? `${line.slice(0, 81)}...` : line;
}

function indented(text: string): string {
  return text.trimEnd().replaceAll(/^/gm, '    ');
}

function seconds(duration: number): string {
  return `${(duration / 1000).toFixed(1)} s`;
}
