import { counted } from '@image-factory/engine/wording.ts';
import { execFile } from 'node:child_process';
import { access, constants, mkdir } from 'node:fs/promises';
import { promisify } from 'node:util';
import { detectBuilder } from '@image-factory/adapters/build-local/detect.ts';
import type { FactoryConfig, ManagedEnrolment } from '@image-factory/core/enrolment/types.ts';
import { formatProblem, problemOf } from '@image-factory/core/problem.ts';
import { formatDuration, minute, second } from '@image-factory/core/time.ts';
import { loadConfig } from '../config-files.ts';
import { openFactory, type Factory } from '../factory.ts';
import type { GlobalOptions } from '../global-options.ts';
import type { Io } from '../io.ts';
import { placesOf } from '../places.ts';
import type { Finding } from './finding.ts';
import { serverSecrets } from './server-secrets.ts';

export async function examine(options: GlobalOptions, io: Io): Promise<readonly Finding[]> {
  const findings: Finding[] = [await git(), await cache(options, io)];
  const config = await loadConfig(options.dir).catch((thrown: unknown) => ({
    ok: false as const,
    error: [problemOf(thrown)],
  }));
  if (!config.ok) {
    for (const problem of config.error) {
      findings.push({
        check: 'configuration',
        state: 'bad',
        what: formatProblem(problem),
        mend: problem.hint,
      });
    }
    return findings;
  }
  const { images } = config.value;
  findings.push({
    check: 'configuration',
    state: images.length === 0 ? 'odd' : 'good',
    what:
      images.length === 0
        ? 'no image is enrolled'
        : `${counted(images.length, 'image')} ${images.length === 1 ? 'is' : 'are'} enrolled`,
    ...(images.length === 0
      ? { mend: 'Add one: image-factory enroll NAME --repository ... --repo ...' }
      : {}),
  });
  findings.push(
    ...(await builders(config.value, io)),
    ...tokens(config.value, io),
    ...(await serverSecrets(config.value, options, io)),
  );
  const factory = await openFactory(options, io);
  try {
    findings.push(
      await state(factory),
      ...(await sources(factory)),
      ...(await registries(factory)),
      ...(await providers(factory)),
      ...(await channels(factory)),
    );
  } finally {
    await factory.close();
  }
  return findings;
}

async function git(): Promise<Finding> {
  try {
    const { stdout } = await promisify(execFile)('git', ['--version'], { timeout: 10_000 });
    const version = /(\d+)\.(\d+)/.exec(stdout);
    const old = Number(version?.[1]) < 2 || (Number(version?.[1]) === 2 && Number(version?.[2]) < 25);
    if (!old) return { check: 'git', state: 'good', what: stdout.trim() };
    return {
      check: 'git',
      state: 'bad',
      what: `${stdout.trim()} is too old`,
      mend: 'Install git 2.25 or newer: older ones cannot clone in part.',
    };
  } catch {
    return {
      check: 'git',
      state: 'bad',
      what: 'git is not installed',
      mend: 'Install git: the state and the sources are read with it.',
    };
  }
}

async function cache(options: GlobalOptions, io: Io): Promise<Finding> {
  const { own } = placesOf(options.dir, io);
  try {
    await mkdir(own, { recursive: true });
    await access(own, constants.W_OK);
    return { check: 'cache', state: 'good', what: `the cache ${own} can be written` };
  } catch {
    const mend = 'Set IMAGE_FACTORY_CACHE_DIR to a folder that can be written.';
    return { check: 'cache', state: 'bad', what: `the cache ${own} cannot be written`, mend };
  }
}

async function builders(config: FactoryConfig, io: Io): Promise<Finding[]> {
  const local = config.images.filter(
    (image) => image.kind === 'managed' && image.source.provider === 'local',
  );
  if (local.length === 0) return [];
  const environment = Object.fromEntries(
    Object.entries(io.env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
  const wanted = config.settings.builder.tool;
  const found = (await detectBuilder(environment)).filter(({ tool }) =>
    wanted === 'auto' ? tool !== 'layers' : tool === wanted,
  );
  const usable = found.filter((builder) => builder.usable);
  if (usable.length === 0) {
    const mend = 'Install buildah (apt-get install buildah) or docker with buildx.';
    return [
      {
        check: 'builder',
        state: 'bad',
        what: `${counted(local.length, 'image')} of provider local, and no builder is usable here`,
        mend,
      },
    ];
  }
  return usable.map(({ tool, version, limits }) => ({
    check: 'builder',
    state: limits.length === 0 ? 'good' : 'odd',
    what: `${tool} ${version}`,
    ...(limits.length === 0 ? {} : { mend: limits.join(' ') }),
  }));
}

function tokens({ settings }: FactoryConfig, io: Io): Finding[] {
  const name = settings.state.mode === 'git' ? settings.state.tokenEnv : undefined;
  if (name === undefined) return [];
  if (io.env[name]) return [{ check: 'token', state: 'good', what: `${name} is set` }];
  return [
    {
      check: 'token',
      state: 'bad',
      what: `state.tokenEnv names ${name}, which is not set`,
      mend: `Export ${name}, or remove tokenEnv to use git's credential helper.`,
    },
  ];
}

/** The CI systems that images are built by. */
async function providers(factory: Factory): Promise<Finding[]> {
  const checks = await factory.checkProviders();
  return checks.map(({ provider, images, problem }) =>
    problem
      ? { check: 'provider', state: 'bad', what: problem.message, mend: problem.hint }
      : {
          check: 'provider',
          state: 'good',
          what: `${provider} can be asked for ${counted(images, 'image')}`,
        },
  );
}

const channelTimeout = 15 * second;

/** Everybody who is to be told of news; nobody is told anything. */
async function channels({ config, deps }: Factory): Promise<Finding[]> {
  return Promise.all(
    config.settings.notifications.map(async ({ name, kind }): Promise<Finding> => {
      try {
        const signal = AbortSignal.timeout(channelTimeout);
        await (await deps.notifiers?.open(name))?.check(signal);
        return { check: 'channel', state: 'good', what: `channel ${name} (${kind}) can be told` };
      } catch (thrown) {
        const { message, hint } = problemOf(thrown);
        const late = thrown instanceof Error && thrown.name === 'TimeoutError';
        const what = late ? `channel ${name} does not answer` : message;
        return {
          check: 'channel',
          state: 'bad',
          what,
          mend: late ? 'Check its address and the network.' : hint,
        };
      }
    }),
  );
}

async function state(factory: Factory): Promise<Finding> {
  try {
    const { version, files } = await factory.deps.store.read();
    const what =
      version === ''
        ? 'there is no state yet; the first run writes it'
        : `the state is readable: ${files.size} files`;
    return { check: 'state', state: 'good', what };
  } catch (thrown) {
    const problem = problemOf(thrown);
    return { check: 'state', state: 'bad', what: formatProblem(problem), mend: problem.hint };
  }
}

async function sources(factory: Factory): Promise<Finding[]> {
  const managed = factory.config.images.filter(
    (image): image is ManagedEnrolment => image.kind === 'managed',
  );
  const files = await factory.deps.sources.read(managed.map(({ source }) => source));
  const findings = managed.flatMap((image, index): Finding[] => {
    const file = files[index];
    if (!file || file.ok) return [];
    return [
      { check: 'source', state: 'bad', what: `${image.name}: ${file.error.message}`, mend: file.error.hint },
    ];
  });
  if (managed.length > 0 && findings.length === 0) {
    findings.push({ check: 'source', state: 'good', what: `${managed.length} Dockerfiles are readable` });
  }
  return findings;
}

/** One look per registry that images are pushed to or pulled from, and what its clock says. */
async function registries(factory: Factory): Promise<Finding[]> {
  const findings: Finding[] = [];
  const byRegistry = new Map(factory.config.images.map((image) => [image.registry, image]));
  for (const [registry, image] of byRegistry) {
    const reference = {
      domain: registry,
      path: image.repository,
      tag: image.kind === 'managed' ? (image.tags[0] ?? 'latest') : 'latest',
    };
    try {
      await factory.deps.registry.look(reference);
      findings.push({ check: 'registry', state: 'good', what: `${registry} answers` });
    } catch (thrown) {
      const problem = problemOf(thrown);
      findings.push({ check: 'registry', state: 'bad', what: problem.message, mend: problem.hint });
    }
  }
  const skews = factory.deps.registry.takeClockReadings().map(({ remote, local }) => remote - local);
  const median = skews.toSorted((a, b) => a - b)[Math.floor(skews.length / 2)];
  if (median === undefined) return findings;
  const far = Math.abs(median) > 5 * minute;
  const what = far
    ? `the clock of this machine is off by ${formatDuration(Math.abs(median))}`
    : 'the clock agrees with the registries';
  findings.push({
    check: 'clock',
    state: far ? 'bad' : 'good',
    what,
    ...(far ? { mend: 'Set the clock (NTP); nothing runs until it is right.' } : {}),
  });
  return findings;
}
