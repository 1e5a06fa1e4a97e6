/** What stands for the image and its run in a request of `providers.webhook`: `{{image}}`. */
const imagePlaces = [
  'image',
  'key',
  'attempt',
  'repo',
  'branch',
  'workflow',
  'workflowRepo',
  'workflowBranch',
  'patches',
  'registry',
  'repository',
  'tags',
] as const;

/** What only the request that starts a build knows. */
const startPlaces = ['reason', 'commit', 'pins', 'buildContexts', 'buildFlags', 'buildArgs'] as const;

export type WebhookPlace = (typeof imagePlaces)[number] | (typeof startPlaces)[number] | 'run';

const placePattern = /\{\{\s*([^{}]*?)\s*\}\}/g;

/** Which request has which places: the run is known only once one was started. */
export function placesOfCall(call: 'start' | 'status' | 'find' | 'cancel'): readonly WebhookPlace[] {
  if (call === 'start') return [...imagePlaces, ...startPlaces];
  return call === 'find' ? imagePlaces : [...imagePlaces, 'run'];
}

/** The names between double braces, in order. */
export function placesIn(template: string): readonly string[] {
  return [...template.matchAll(placePattern)].map((match) => match[1] ?? '');
}

/** The template with each place replaced by what `value` answers for its name. */
export function fillPlaces(template: string, value: (name: string) => string): string {
  return template.replace(placePattern, (_, name: string) => value(name));
}

/** Is a body with these headers JSON? Without a content type, what begins like JSON is. */
export function isJsonBody(body: string, headers: Readonly<Record<string, string>>): boolean {
  const type = Object.entries(headers).find(([name]) => name.toLowerCase() === 'content-type')?.[1];
  return type === undefined ? /^\s*[{[]/.test(body) : /\bjson\b/i.test(type);
}
