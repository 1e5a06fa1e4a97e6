import type { Digest } from '../reference/types.ts';
import type { Instant } from '../time.ts';
import type { Recorder } from './recorder.ts';
import type { Adoption, Publication, Scenario, SimulatedImage } from './types.ts';
import { baseNameOf, contentNames, digestOf } from './world.ts';

interface Published {
  readonly publication: Publication;
  readonly digest: Digest;
  /** Layer names for the platforms of one image; undefined where a platform is missing. */
  readonly content: string | undefined;
}

/** What was published for the platforms of an image, in order. */
export class Histories {
  readonly #scenario: Scenario;
  readonly #known = new Map<string, readonly Published[]>();

  constructor(scenario: Scenario) {
    this.#scenario = scenario;
  }

  of(image: SimulatedImage, reference: string): readonly Published[] {
    const platforms = image.platforms ?? ['linux/amd64'];
    const key = `${reference} ${platforms.join()}`;
    const known = this.#known.get(key);
    if (known) return known;
    const base = this.#scenario.bases.find((each) => each.reference === reference);
    const list = (base?.published ?? []).map((publication): Published => {
      const names = base ? contentNames(base, publication) : new Map<string, string>();
      const missing = platforms.some((platform) => !names.has(platform));
      const content = missing ? undefined : platforms.map((platform) => names.get(platform)).join();
      return { publication, digest: digestOf(publication.digest), content };
    });
    this.#known.set(key, list);
    return list;
  }
}

/** For each publication: when did the image contain it, or something that was published later? */
export function adoptionsOf(scenario: Scenario, recorder: Recorder, histories: Histories): Adoption[] {
  const adoptions: Adoption[] = [];
  for (const image of scenario.images) {
    const contents = recorder.contents.get(image.name) ?? [];
    const begins = contents[0]?.at;
    for (const use of image.uses) {
      if (!('base' in use) || begins === undefined) continue;
      const history = histories.of(image, use.base);
      const reached = positions(
        history,
        contents.map(({ at, inside }) => ({ at, digest: inside.get(baseNameOf(use)) })),
        scenario,
      );
      let next = 0;
      for (const [index, { publication, content }] of history.entries()) {
        if (publication.at <= begins || publication.at >= scenario.until || content === undefined) continue;
        while (next < reached.length && (reached[next]?.position ?? -1) < index) next++;
        const adoptedAt = reached[next]?.at;
        adoptions.push({
          image: image.name,
          base: use.base,
          digest: publication.digest,
          publishedAt: publication.at,
          ...(adoptedAt === undefined ? {} : { adoptedAt }),
          lag: (adoptedAt ?? scenario.until) - publication.at,
        });
      }
    }
  }
  return adoptions;
}

/** How far an image had come at each instant at which that changes: by a rebuild, or by a tag that goes back. */
function positions(
  history: readonly Published[],
  contents: readonly { readonly at: Instant; readonly digest: Digest | undefined }[],
  scenario: Scenario,
): { readonly at: Instant; readonly position: number }[] {
  const instants = new Set([
    ...contents.map(({ at }) => at),
    ...history.map(({ publication }) => publication.at),
  ]);
  const reached: { at: Instant; position: number }[] = [];
  let inside = 0;
  let furthest = -1;
  for (const at of [...instants].toSorted((a, b) => a - b)) {
    if (at < (contents[0]?.at ?? 0) || at >= scenario.until) continue;
    while (inside + 1 < contents.length && (contents[inside + 1]?.at ?? 0) <= at) inside++;
    const digest = contents[inside]?.digest;
    const position = digest ? positionAt(history, digest, at) : -1;
    if (position <= furthest) continue;
    furthest = position;
    reached.push({ at, position });
  }
  return reached;
}

/** The latest publication until an instant that has the same content as a digest. */
function positionAt(history: readonly Published[], digest: Digest, at: Instant): number {
  const content = history.find((each) => each.digest === digest)?.content;
  return history.findLastIndex(
    (each) =>
      each.publication.at <= at &&
      (each.digest === digest || (content !== undefined && each.content === content)),
  );
}
