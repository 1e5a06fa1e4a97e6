import type { ManagedEnrolment } from '../enrolment/types.ts';
import type { BaseRecord, ImageRecord } from '../state/types.ts';

/** A managed image's place among the others. */
export interface ManagedNode {
  readonly name: string;
  /** Managed images that it is built from, and through which base record. */
  readonly parents: readonly { readonly image: string; readonly base: string }[];
  readonly children: readonly string[];
  /** Longest way down from an image without managed parents or on a cycle, which has 0 itself. */
  readonly depth: number;
}

export interface ManagedGraph {
  readonly nodes: ReadonlyMap<string, ManagedNode>;
  /** Parents before children: first those that need no cycle, then the cycles, then what stands on them. */
  readonly order: readonly string[];
  /** Each cycle by name, smallest name first, in the direction from parent to child. */
  readonly cycles: readonly (readonly string[])[];
  readonly onCycle: ReadonlySet<string>;
  /** Base records whose repository is a managed image's, though no build of ours moves their tag. */
  readonly unmovedTags: ReadonlyMap<string, string>;
}

/** The order of the enrolments has no influence. */
export function managedGraph(
  enrolments: readonly ManagedEnrolment[],
  images: ReadonlyMap<string, ImageRecord>,
  bases: ReadonlyMap<string, BaseRecord>,
): ManagedGraph {
  // Strings sort without a comparison of ours many times faster.
  const names = enrolments.map(({ name }) => name).toSorted();
  const byName = new Map(enrolments.map((enrolment) => [enrolment.name, enrolment]));
  const sorted = names.flatMap((name) => byName.get(name) ?? []);
  const { parentOfBase, unmovedTags } = ownersOf(sorted, bases);
  const parents = new Map<string, { image: string; base: string }[]>();
  const children = new Map<string, string[]>();
  for (const name of names) {
    const own: { image: string; base: string }[] = [];
    for (const base of images.get(name)?.baseImages ?? []) {
      const parent = parentOfBase.get(base);
      if (parent === undefined) continue;
      const again = own.some((edge) => edge.image === parent);
      own.push({ image: parent, base });
      if (again) continue;
      const siblings = children.get(parent);
      if (siblings) siblings.push(name);
      else children.set(parent, [name]);
    }
    parents.set(name, own);
  }

  const free = topological(names, parents, children, new Set());
  const cycles = free.rest.length === 0 ? [] : cyclesAmong(free.rest, parents, children);
  const onCycle = new Set(cycles.flat());
  const below = topological(free.rest, parents, children, new Set([...free.order, ...onCycle]));
  const nodes = new Map<string, ManagedNode>();
  for (const name of names) {
    nodes.set(name, {
      name,
      parents: parents.get(name) ?? [],
      children: children.get(name) ?? [],
      depth: free.depth.get(name) ?? below.depth.get(name) ?? 0,
    });
  }
  return {
    nodes,
    order: [...free.order, ...[...onCycle].toSorted(), ...below.order],
    cycles,
    onCycle,
    unmovedTags,
  };
}

/** Which base tags do our builds move, and which are ours by repository alone? */
function ownersOf(
  enrolments: readonly ManagedEnrolment[],
  bases: ReadonlyMap<string, BaseRecord>,
): { parentOfBase: ReadonlyMap<string, string>; unmovedTags: ReadonlyMap<string, string> } {
  const byRepository = Map.groupBy(enrolments, ({ registry, repository }) => `${registry}/${repository}`);
  const parentOfBase = new Map<string, string>();
  const unmovedTags = new Map<string, string>();
  for (const base of bases.values()) {
    const owners = byRepository.get(`${base.registry}/${base.repository}`);
    if (!owners?.[0]) continue;
    const tag = base.tag ?? 'latest';
    const mover = owners.find((owner) => owner.tags.includes(tag));
    if (mover) parentOfBase.set(base.name, mover.name);
    else unmovedTags.set(base.name, owners[0].name);
  }
  return { parentOfBase, unmovedTags };
}

/** Places the names of which every parent is placed, `given` ones counted; the rest is on a cycle or stands on one. */
function topological(
  names: readonly string[],
  parents: ReadonlyMap<string, readonly { readonly image: string }[]>,
  children: ReadonlyMap<string, readonly string[]>,
  given: ReadonlySet<string>,
): { order: string[]; depth: Map<string, number>; rest: string[] } {
  const waiting = new Map<string, number>();
  for (const name of names) {
    if (given.has(name)) continue;
    waiting.set(name, countOpen(parents.get(name) ?? [], given));
  }
  const depth = new Map<string, number>();
  const order = names.filter((name) => waiting.get(name) === 0);
  for (const name of order) depth.set(name, 0);
  for (let index = 0; index < order.length; index++) {
    const name = order[index];
    if (name === undefined) break;
    for (const child of children.get(name) ?? []) {
      const left = waiting.get(child);
      if (left === undefined) continue;
      depth.set(child, Math.max(depth.get(child) ?? 0, (depth.get(name) ?? 0) + 1));
      waiting.set(child, left - 1);
      if (left === 1) order.push(child);
    }
  }
  const placed = new Set(order);
  return { order, depth, rest: names.filter((name) => waiting.has(name) && !placed.has(name)) };
}

/** Each parent once, although an image may read several of its tags. */
function countOpen(edges: readonly { readonly image: string }[], given: ReadonlySet<string>): number {
  let count = 0;
  for (const [index, { image }] of edges.entries()) {
    if (!given.has(image) && edges.findIndex((edge) => edge.image === image) === index) count++;
  }
  return count;
}

/** Strongly connected groups among what topological order could not place (Tarjan, without recursion). */
function cyclesAmong(
  rest: readonly string[],
  parents: ReadonlyMap<string, readonly { readonly image: string }[]>,
  children: ReadonlyMap<string, readonly string[]>,
): string[][] {
  const candidates = new Set(rest);
  const next = new Map(
    rest.map((name) => [name, (children.get(name) ?? []).filter((child) => candidates.has(child))]),
  );
  const index = new Map<string, number>();
  const low = new Map<string, number>();
  const stack: string[] = [];
  const onStack = new Set<string>();
  const groups: string[][] = [];
  for (const start of rest) {
    if (index.has(start)) continue;
    const work: { name: string; next: number }[] = [{ name: start, next: 0 }];
    while (work.length > 0) {
      const frame = work.at(-1);
      if (!frame) break;
      const { name } = frame;
      if (frame.next === 0) {
        index.set(name, index.size);
        low.set(name, index.get(name) ?? 0);
        stack.push(name);
        onStack.add(name);
      }
      const child = next.get(name)?.[frame.next++];
      if (child !== undefined) {
        if (!index.has(child)) work.push({ name: child, next: 0 });
        else if (onStack.has(child)) low.set(name, Math.min(low.get(name) ?? 0, index.get(child) ?? 0));
        continue;
      }
      work.pop();
      const above = work.at(-1);
      if (above) low.set(above.name, Math.min(low.get(above.name) ?? 0, low.get(name) ?? 0));
      if (low.get(name) !== index.get(name)) continue;
      const group: string[] = [];
      for (let member = stack.pop(); member !== undefined; member = stack.pop()) {
        onStack.delete(member);
        group.push(member);
        if (member === name) break;
      }
      const selfLoop = parents.get(name)?.some(({ image }) => image === name) ?? false;
      if (group.length > 1 || selfLoop) groups.push(rotate(group.toReversed()));
    }
  }
  return groups.toSorted((a, b) => (String(a[0]) < String(b[0]) ? -1 : 1));
}

function rotate(group: string[]): string[] {
  const smallest = group.toSorted()[0] ?? '';
  const at = group.indexOf(smallest);
  return [...group.slice(at), ...group.slice(0, at)];
}
