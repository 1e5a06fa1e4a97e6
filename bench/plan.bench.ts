import { enrolment } from '@image-factory/testing/records.ts';
import { defaultSettings } from '../packages/core/src/enrolment/default-settings.ts';
import type { ManagedEnrolment } from '../packages/core/src/enrolment/types.ts';
import { planOf } from '../packages/core/src/plan/plan.ts';
import type { PlanInput } from '../packages/core/src/plan/types.ts';
import type { Digest, PlatformName } from '../packages/core/src/reference/types.ts';
import type {
  BaseRecord,
  Dependency,
  ImageRecord,
  LedgerEntry,
  PlatformContent,
} from '../packages/core/src/state/types.ts';
import { steady, together } from '../packages/core/src/simulate/history.ts';
import { simulate } from '../packages/core/src/simulate/simulate.ts';
import type { Scenario } from '../packages/core/src/simulate/types.ts';
import { day, hour, minute } from '../packages/core/src/time.ts';
import type { Bench, Row } from './bench.ts';
import { formatTime } from './measure.ts';

const upstreamBases = 200;
const rounds = 5;
const now = Date.UTC(2026, 5, 1);
const platforms = ['linux/amd64', 'linux/arm64'] as PlatformName[];

export const bench: Bench = {
  name: 'plan',
  about: `The plan of a state in memory: ${upstreamBases} upstream bases with ledgers of 5 to 20 entries, images in chains of three on two platforms, a tenth of them due; median of ${rounds}.`,
  run,
};

async function run(): Promise<readonly Row[]> {
  const small = measure(10_000);
  const large = measure(100_000);
  const growth = large / small / 10;
  const before = performance.now();
  const report = simulate(tenYears());
  const simulated = performance.now() - before;
  if (report.rebuilds.length !== 4 * 520) throw new Error('the simulation is not the one to measure');
  return [
    {
      what: 'plan, 10,000 images',
      measured: formatTime(small),
      aim: { text: 'at most 1 s', met: small <= 1000 },
    },
    {
      what: 'plan, 100,000 images',
      measured: formatTime(large),
      aim: { text: 'at most 10 s', met: large <= 10_000 },
    },
    {
      what: 'growth from 10,000 to 100,000 images',
      measured: `${(large / small).toFixed(1)} times`,
      comparedWith: 'ten times the images',
      ratio: growth,
      aim: { text: 'linear: at most 1.5x', met: growth <= 1.5 },
    },
    {
      what: `ten years of weekly pushes to a diamond, simulated: ${report.effort.plans} plans`,
      measured: formatTime(simulated),
      aim: { text: 'years in seconds: at most 10 s', met: simulated <= 10_000 },
    },
  ];
}

function tenYears(): Scenario {
  const base = 'docker.io/library/node:22';
  const published = together([{ at: now - day, digest: 'old' }], steady('week', now + 3 * day, 7 * day, 520));
  return {
    name: 'ten years',
    from: now,
    until: now + 3660 * day,
    poll: 5 * minute,
    bases: [{ reference: base, published }],
    images: [
      { name: 'top', uses: [{ base }], exists: true },
      { name: 'left', uses: [{ image: 'top' }], exists: true },
      { name: 'right', uses: [{ image: 'top' }], exists: true },
      { name: 'bottom', uses: [{ image: 'left' }, { image: 'right', copied: true }], exists: true },
    ],
  };
}

function measure(count: number): number {
  const input = factoryOf(count);
  const times: number[] = [];
  for (let round = 0; round <= rounds; round++) {
    const before = performance.now();
    const plan = planOf(input);
    const time = performance.now() - before;
    if (plan.decisions.length !== count || plan.starts.length === 0)
      throw new Error('the plan is not the one to measure');
    // The first round warms up.
    if (round > 0) times.push(time);
  }
  return times.toSorted((a, b) => a - b)[Math.floor(rounds / 2)] ?? 0;
}

function digest(number: number): Digest {
  return `sha256:${number.toString(16).padStart(64, '0')}` as Digest;
}

let numbers = 0;

function contentOn(below: LedgerEntry | undefined, layers: number): Record<PlatformName, PlatformContent> {
  const content: Record<string, PlatformContent> = {};
  for (const platform of platforms) {
    const own = Array.from({ length: layers }, () => digest(++numbers));
    const diffIds = [...(below?.platforms?.[platform]?.diffIds ?? []), ...own];
    content[platform] = { digest: digest(++numbers), diffIds, config: digest(++numbers) };
  }
  return content;
}

function baseOf(
  name: string,
  registry: string,
  repository: string,
  tag: string,
  ledger: readonly LedgerEntry[],
): BaseRecord {
  return {
    name,
    fullImage: `${registry}/${repository}:${tag}`,
    registry,
    repository,
    tag,
    firstDiscovered: now - 200 * day,
    rebuildEligibleAt: {},
    metadata: {},
    updateHistory: [],
    ledger,
    holds: [],
  };
}

function upstream(index: number): BaseRecord {
  const count = 5 + (index % 16);
  const ledger = Array.from({ length: count }, (_, position): LedgerEntry => {
    const firstSeen = now - (count - position) * 9 * day - index * hour;
    const next = firstSeen + 9 * day;
    const replaced =
      position === count - 1 ? {} : { lastSeenAt: next - hour, replacedAt: next, stood: 9 * day - hour };
    return {
      digest: digest(++numbers),
      firstSeen,
      appeared: firstSeen,
      settledAt: firstSeen + 30 * minute,
      previousLastSeenAt: firstSeen - hour,
      platforms: contentOn(undefined, 5),
      ...(position === 0 ? { baseline: true as const } : {}),
      ...replaced,
    };
  });
  return baseOf(`base-${index}`, 'docker.io', `library/base-${index}`, '1', ledger);
}

function enrolmentOf(name: string): ManagedEnrolment {
  const source = {
    provider: 'github',
    repo: 'team/images',
    dockerfile: `${name}/Dockerfile`,
    context: name,
  } as const;
  return enrolment({ name, registry: 'registry.example', repository: name, tags: ['1'], raw: {}, source });
}

/** Every third image stands on an upstream base, the next on it, and the third on that one; each copies from another base. */
function factoryOf(count: number): PlanInput {
  const bases = new Map<string, BaseRecord>();
  for (let index = 0; index < upstreamBases; index++) bases.set(`base-${index}`, upstream(index));
  const images = new Map<string, ImageRecord>();
  const enrolments: ManagedEnrolment[] = [];
  for (let index = 0; index < count; index++) {
    const name = `image-${index}`;
    enrolments.push(enrolmentOf(name));
    const below = index % 3 === 0 ? `base-${index % upstreamBases}` : `own-${index - 1}`;
    const copied = `base-${(index * 7) % upstreamBases}`;
    const contains = [below, copied].map((base) => {
      const ledger = bases.get(base)?.ledger ?? [];
      return ledger[Math.max(0, ledger.length - (index % 10 === 0 ? 2 : 1))];
    });
    const content = contentOn(contains[0], 2);
    const made = digest(++numbers);
    const used = contains.flatMap((entry) => entry?.digest ?? []);
    images.set(name, recordOf(name, [below, copied], used, made, content));
    const entry: LedgerEntry = {
      digest: made,
      firstSeen: now - 5 * day,
      appeared: now - 5 * day,
      settledAt: now - 5 * day,
      platforms: content,
    };
    if (index % 3 < 2)
      bases.set(`own-${index}`, baseOf(`own-${index}`, 'registry.example', name, '1', [entry]));
  }
  return {
    settings: defaultSettings,
    images: enrolments,
    state: { images, bases, intents: new Map(), engine: undefined },
    facts: { sources: new Map(), gone: new Set(), proofs: new Map(), provenance: [], requests: new Map() },
    now,
  };
}

function recordOf(
  name: string,
  uses: readonly string[],
  used: readonly Digest[],
  made: Digest,
  content: Record<PlatformName, PlatformContent>,
): ImageRecord {
  const dependencies = uses.flatMap((base, index) =>
    platforms.map((platform): Dependency => ({
      reference: `docker.io/library/${base}:1`,
      kind: index === 0 ? 'from' : 'copy-from',
      stage: '0',
      platform,
      final: index === 0,
      base,
      written: base,
      range: '1:1-1:1',
    })),
  );
  const pins = uses.flatMap((base, index) => {
    const pinned = used[index];
    return pinned ? [{ base, reference: `docker.io/library/${base}:1`, digest: pinned }] : [];
  });
  const startedAt = now - 5 * day;
  return {
    name,
    enrolledAt: now - 200 * day,
    discoveryStatus: 'success',
    enrollment: {},
    baseImages: uses,
    dependencies,
    dockerfile: `blob of ${name}`,
    content: { digest: made, firstSeen: startedAt, platforms: content },
    builtFrom: {},
    rebuilds: [
      {
        key: `key of ${name}`,
        attempt: 1,
        reason: 'newer-base',
        startedAt,
        endedAt: startedAt,
        outcome: 'success',
        pins,
        digest: made,
      },
    ],
    ledger: [],
  };
}
