import { parseBoolean } from './characters.ts';
import { parseCsvRecord } from './csv.ts';
import { Refusal } from './refusal.ts';

/** What a `--mount` value says once its variables are replaced. */
export interface Mount {
  readonly type: string;
  /** Empty: no image and no stage is named. */
  readonly from: string;
  readonly source: string;
  readonly target: string;
}

const types = new Set(['bind', 'cache', 'tmpfs', 'secret', 'ssh']);
const sharings = new Set(['shared', 'private', 'locked']);

/**
 * The `from` of a mount, read before anything is expanded: it must not hold a variable.
 * Throws MOUNT_FROM_VARIABLE and INVALID_MOUNT. Rule: research "dockerfile", section 13.
 */
export function parseMountSource(value: string): string {
  let from = '';
  for (const field of fieldsOf(value)) {
    const [key, text] = splitField(field);
    if (key !== 'from' || text === undefined) continue;
    const dollar = text.indexOf('$');
    if (dollar !== -1 && dollar !== text.length - 1) {
      throw new Refusal(
        'MOUNT_FROM_VARIABLE',
        "'from' doesn't support variable expansion, define alias stage instead",
      );
    }
    from = text;
  }
  return from;
}

/** Reads the whole mount as a reachable stage does. Throws INVALID_MOUNT, and what `expand` throws. */
export function parseMount(value: string, expand: (text: string) => string): Mount {
  const reading = new MountReading();
  for (const field of fieldsOf(value)) {
    const [key, text] = splitField(field);
    if (text === undefined) reading.takeWord(key, field);
    else reading.take(key, expand(text), field);
  }
  return reading.finish();
}

class MountReading {
  readonly #values = new Map<string, string>();
  #type = 'bind';

  takeWord(key: string, field: string): void {
    if (['readonly', 'ro', 'readwrite', 'rw'].includes(key)) return;
    if (key !== 'required') throw invalid(`invalid field '${field}' must be a key=value pair`);
    this.#allow(key, ['secret', 'ssh']);
  }

  take(key: string, value: string, field: string): void {
    switch (key) {
      case 'type':
        this.#type = value.toLowerCase();
        if (!types.has(this.#type)) throw invalid(`unsupported mount type ${JSON.stringify(value)}`);
        return;
      case 'from':
      case 'source':
      case 'target':
      case 'id':
        this.#values.set(key, value);
        return;
      case 'src':
        this.#values.set('source', value);
        return;
      case 'dst':
      case 'destination':
        this.#values.set('target', value);
        return;
      case 'readonly':
      case 'ro':
      case 'readwrite':
      case 'rw':
        return requireBoolean(key, value);
      case 'required':
        this.#allow(key, ['secret', 'ssh']);
        return requireBoolean(key, value);
      case 'size':
        this.#allow(key, ['tmpfs']);
        if (!isSize(value)) throw invalid(`invalid value for size: ${value}`);
        return;
      case 'sharing':
        this.#values.set('sharing', value);
        if (!sharings.has(value.toLowerCase()))
          throw invalid(`unsupported sharing value ${JSON.stringify(value)}`);
        return;
      case 'mode':
      case 'uid':
      case 'gid':
        if (!isNumber(value, key === 'mode' ? 8 : 10)) throw invalid(`invalid value ${value} for ${key}`);
        this.#values.set(key, value);
        return;
      case 'env':
        return;
      default:
        throw invalid(`unexpected key '${key}' in '${field}'`);
    }
  }

  /** What only all keys together decide. */
  finish(): Mount {
    const type = this.#type;
    const value = (key: string): string => this.#values.get(key) ?? '';
    if (type === 'bind' || type === 'tmpfs') {
      for (const key of ['mode', 'uid', 'gid']) {
        if (this.#values.has(key)) throw invalid(`${key} not allowed for "${type}" type mounts`);
      }
    }
    const mount = { type, from: value('from'), source: value('source'), target: value('target') };
    if (type === 'secret') {
      if (mount.from !== '') throw invalid('secret mount should not have a from');
      if (this.#values.has('sharing')) throw invalid('secret mount should not define sharing');
      if (mount.source === '' && mount.target === '' && value('id') === '') {
        throw invalid('invalid secret mount. one of source, target required');
      }
      if (mount.source !== '' && value('id') !== '') throw invalid("both source and id can't be set");
    }
    if (this.#values.has('sharing') && type !== 'cache') {
      throw invalid(`invalid cache sharing set for ${type} mount`);
    }
    return mount;
  }

  #allow(key: string, allowed: readonly string[]): void {
    if (!allowed.includes(this.#type))
      throw invalid(`unexpected key '${key}' for mount type '${this.#type}'`);
  }
}

function fieldsOf(value: string): string[] {
  const fields = parseCsvRecord(value);
  if (fields === undefined) throw invalid('failed to parse csv mounts');
  return fields;
}

function splitField(field: string): [key: string, value: string | undefined] {
  const equals = field.indexOf('=');
  if (equals === -1) return [field.toLowerCase(), undefined];
  return [field.slice(0, equals).toLowerCase(), field.slice(equals + 1)];
}

function requireBoolean(key: string, value: string): void {
  if (parseBoolean(value) === undefined) throw invalid(`invalid value for ${key}: ${value}`);
}

/** An unsigned 32-bit number. */
function isNumber(text: string, base: 8 | 10): boolean {
  const digits = base === 8 ? /^[0-7]{1,32}$/ : /^[0-9]{1,32}$/;
  return digits.test(text) && Number.parseInt(text, base) < 2 ** 32;
}

/** `64m`, `1.5 GiB` */
function isSize(text: string): boolean {
  return /^\+?(?:[0-9]+\.?[0-9]*|\.[0-9]+) ?(?:b|[kmgtp](?:i?b)?)?$/i.test(text);
}

function invalid(message: string): Refusal {
  return new Refusal('INVALID_MOUNT', message);
}
