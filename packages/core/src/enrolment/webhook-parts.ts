import { addProblem, shown, within, type Scope } from './findings.ts';
import type { EndWords } from './provider-settings.ts';
import type { ProvidersShape } from './providers-schema.ts';
import { hasControlCharacter } from './read-path.ts';

type WebhookShape = NonNullable<ProvidersShape['webhook']>;
type ToldShape = Pick<
  NonNullable<WebhookShape['status']>,
  keyof EndWords | 'state' | 'digest' | 'link' | 'log'
>;

/** How a system says how a run is: the words that end it, and where they and what it made stand. */
export interface Told extends EndWords {
  readonly state: string;
  readonly digest: string | undefined;
  readonly link: string | undefined;
  readonly log: string | undefined;
}

export function readTold(shape: ToldShape, scope: Scope): Told {
  const path = (key: 'state' | 'digest' | 'link' | 'log') => readJsonPath(shape[key], within(scope, key));
  return {
    state: path('state') ?? '$.status',
    success: shape.success ?? [],
    failure: shape.failure ?? [],
    cancelled: shape.cancelled ?? [],
    superseded: shape.superseded ?? [],
    digest: path('digest'),
    link: path('link'),
    log: path('log'),
  };
}

/** RFC 9110, 5.1 and 5.5: a token as name, and no control characters in the value. */
export function checkHeader(name: string, value: string, scope: Scope): void {
  if (/^[!#$%&'*+.^_`|~\w-]{1,100}$/.test(name) && !hasControlCharacter(value)) return;
  addProblem(
    scope,
    'CONFIG_INVALID_VALUE',
    `${shown(name)} is not a header that can be sent`,
    'Write a name without spaces, and one line of text as its value.',
    'key',
  );
}

/** `$.a.b[0]`: names and numbers only. */
export function readJsonPath(written: string | undefined, scope: Scope): string | undefined {
  if (written === undefined || /^\$(?:\.[\w-]{1,100}|\[\d{1,4}\]){1,20}$/.test(written)) return written;
  addProblem(
    scope,
    'CONFIG_INVALID_VALUE',
    `${shown(written)} is not a JSON path`,
    'Write names and list positions: $.run.id, $.items[0].state.',
  );
  return undefined;
}
