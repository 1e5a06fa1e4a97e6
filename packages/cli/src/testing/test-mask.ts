import type { Place } from './test-place.ts';

/**
 * An output without what differs from run to run: places, ports, ids and times. Equal ids stay equal, words keep their
 * lengths where drawings depend on them, and columns that times have widened are closed up.
 */
export function masked(
  text: string,
  { root, registry, remote }: Pick<Place, 'root' | 'registry' | 'remote'>,
): string {
  const known = new Map<string, number>();
  const numbered = (id: string): string => {
    const key = id.slice(0, 8);
    const number = known.get(key) ?? known.size + 1;
    known.set(key, number);
    return String(number).padStart(id.length, '0');
  };
  return text
    .replaceAll(remote.path, '/place/source.git')
    .replaceAll(root, '/place')
    .replaceAll(registry.host, '127.0.0.1:00000')
    .replaceAll(/\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/g, '<uuid>')
    .replaceAll(/(?<=sha256:)[0-9a-f]{8,64}\b/g, numbered)
    .replaceAll(/\b(?=[0-9a-f]*[a-f])(?=[0-9a-f]*[0-9])[0-9a-f]{16,64}\b/g, numbered)
    .replaceAll(/\b1[78]\d{11}\b/g, '<instant>')
    .replaceAll(/\b20\d\d-\d\d-\d\dT[\d:.]+Z/g, '<time>')
    .replaceAll(/\(ends in (?:\d+[dhms]){1,2}\)/g, '(ends <when>)')
    .replaceAll(/"stood": \d+/g, '"stood": <duration>')
    .replaceAll(/\b(?:now|in (?:\d+[dhms]){1,2}|(?:\d+[dhms]){1,2} ago)(?=  |$)/gm, '<when>')
    .replaceAll(/(?<=\S) {2,}/g, '  ');
}
