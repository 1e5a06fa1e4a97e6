import { minute } from '@image-factory/core/time.ts';
import { startHanded, type Handed } from '@image-factory/engine/handed.ts';
import { debian } from '@image-factory/engine/test-factory.ts';
import { noFaults } from '@image-factory/testing/forges/fake-forge.ts';
import { chance, type Disruption, type SimulatedProcess } from '@image-factory/testing/world/scheduler.ts';
import {
  anything,
  finalBase,
  names,
  ProviderFactory,
  verdict,
  type ProviderSetting,
  type ProviderUnderTest,
  type Totals,
} from './test-provider-schedules.ts';

/** How often the controller dies between an answer and writing it down, so that it asks again. */
const controllerDies = 0.4;

/** What was asked, and what was heard, over all schedules. */
export interface Asked {
  requests: number;
  /** Asked although an answer had been given that ends the promotion. */
  repeated: number;
}

/** Kargo's promotions: each asks one of two servers until it has written down how its rebuild ended. */
class Controller {
  readonly asked: Asked = { requests: 0, repeated: 0 };
  readonly #factory: ProviderFactory;
  readonly #random: () => number;
  readonly #promotions = new Map<string, { readonly handed: Handed; isOver: boolean; wasTold: boolean }>();

  constructor(factory: ProviderFactory, random: () => number) {
    this.#factory = factory;
    this.#random = random;
  }

  /** A pass over all promotions; answers the processes of the servers that it asks. */
  pass(): readonly SimulatedProcess[] {
    for (const { image, key, attempt } of this.#factory.state.intents.values()) {
      const name = `${image} ${key}/${attempt}`;
      if (!this.#promotions.has(name))
        this.#promotions.set(name, { handed: { image, key, attempt }, isOver: false, wasTold: false });
    }
    const open = [...this.#promotions.values()].filter(({ isOver }) => !isOver);
    return open.flatMap((promotion) => {
      // A controller that was thought dead may ask beside its successor.
      const requests = this.#random() < 0.3 ? 2 : 1;
      return Array.from({ length: requests }, () => this.#ask(promotion));
    });
  }

  #ask(promotion: { readonly handed: Handed; isOver: boolean; wasTold: boolean }): SimulatedProcess {
    const server = this.#random() < 0.5 ? 'a' : 'b';
    this.asked.requests++;
    if (promotion.wasTold) this.asked.repeated++;
    const factory = this.#factory;
    return factory.scheduler.spawn(`server ${server} request ${this.asked.requests}`, async (own) => {
      const { state } = await startHanded(factory.deps(own), factory.config, promotion.handed, {
        signal: own.stop.signal,
      });
      if (state.kind !== 'ended' && state.kind !== 'unknown') return;
      promotion.wasTold = true;
      promotion.isOver = this.#random() >= controllerDies;
    });
  }
}

/** Jobs, two servers with their own cycles, and a controller that asks them, disturbed until everything comes to rest. */
async function play(under: ProviderUnderTest, seed: number, setting: ProviderSetting) {
  const { happens = anything, rounds = 6, without = [] } = setting;
  const factory = new ProviderFactory(under, setting, {
    seed,
    refusals: 0.2,
    blindCommits: without.includes('expected commit'),
  });
  factory.isServer = (process) => process.startsWith('server');
  factory.settings((settings) => ({
    ...settings,
    engine: 'kargo',
    kargo: { ...settings.kargo, server: 'https://factory.test' },
  }));
  const { world, scheduler, forge } = factory;
  world.push(debian, ['debian-1']);
  for (const name of names) world.dockerfiles.set(`${name}/Dockerfile`, `FROM ${finalBase[name]}\n`);
  const random = chance(seed * 7919);
  const controller = new Controller(factory, random);
  for (let round = 1; round <= rounds; round++) {
    const spawned = [
      ...controller.pass(),
      ...['job', 'server a loop', 'server b loop'].map((name) =>
        factory.spawn(`${name} ${round}`, { follow: false }),
      ),
    ];
    const disruptions = spawned.flatMap(({ name: process }): Disruption[] => {
      if (random() < 0.4) return [];
      const what = happens(random);
      return [{ process, at: 1 + Math.floor(random() * 40), ...(what ? { what } : {}) }];
    });
    await scheduler.run(disruptions);
    world.now += Math.floor(random() * 13) * minute;
  }
  Object.assign(forge.faults, noFaults);
  for (let calm = 0; calm < 60 && !isAtRest(factory); calm++) {
    await factory.cycle({ follow: false });
    factory.spawn(`server a loop calm ${calm}`, { follow: false });
    await scheduler.run();
    controller.pass();
    await scheduler.run();
    world.now += 10 * minute;
  }
  forge.catchUp();
  return { totals: verdict(factory), asked: controller.asked };
}

function isAtRest({ state }: ProviderFactory): boolean {
  return (
    state.intents.size === 0 &&
    names.every((name) => state.images.get(name)?.rebuilds.some(({ outcome }) => outcome === 'success'))
  );
}

/** Plays so many schedules; answers in how many of them each thing went wrong. */
export async function playServed(
  under: ProviderUnderTest,
  setting: ProviderSetting,
  count: number,
): Promise<Totals & Asked> {
  let totals: (Totals & Asked) | undefined;
  for (let seed = 1; seed <= count; seed++) {
    const played = await play(under, seed, setting);
    const one = { ...played.totals, ...played.asked };
    if (!totals) totals = one;
    else for (const key of Object.keys(one) as (keyof typeof one)[]) totals[key] += one[key];
  }
  if (!totals) throw new Error('nothing was played');
  return totals;
}
