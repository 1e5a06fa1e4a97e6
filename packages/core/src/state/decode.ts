import type { Place, Problem, Subject } from '../problem.ts';
import { err, ok, type Result } from '../result.ts';
import { baseCodec, completeBase } from './base-codec.ts';
import { UnreadableValue, type Codec } from './fields.ts';
import { imageCodec } from './image-codec.ts';
import { engineCodec, intentCodec, stateVersion } from './intent-codec.ts';
import { wordsNotNumbers } from './older-fields.ts';
import { recordAt } from './state-paths.ts';
import type { BaseRecord, EngineRecord, ImageRecord, Intent } from './types.ts';
import { kindOf, readYaml, restoreHint } from './yaml-read.ts';
import { spansOf, type Span } from './yaml-spans.ts';

type Raw = Readonly<Record<string, unknown>>;

/** How the text of one kind of record becomes the record. */
export interface Decoder<T> {
  readonly codec: Codec<T>;
  /** What the file means beyond its known fields' own form. */
  readonly complete: (raw: Raw, text: string) => Raw;
  readonly subject: (name: string) => Subject;
  /** The field that must agree with the file's name. */
  readonly nameField: string | undefined;
}

const imageSubject = (name: string): Subject => ({ kind: 'image', name });

export const imageDecoder: Decoder<ImageRecord> = {
  codec: imageCodec,
  complete(raw, text) {
    if (raw['holds'] !== undefined)
      throw unreadableField('holds', 'an image has one hold: write "hold:" with reason and until');
    return wordsNotNumbers(raw, text, ['currentVersion']);
  },
  subject: imageSubject,
  nameField: 'name',
};

export const baseDecoder: Decoder<BaseRecord> = {
  codec: baseCodec,
  complete: (raw, text) => completeBase(wordsNotNumbers(raw, text, ['tag'])),
  subject: (name) => ({ kind: 'base', name }),
  nameField: 'name',
};

export const intentDecoder: Decoder<Intent> = {
  codec: intentCodec,
  complete: (raw) => raw,
  subject: imageSubject,
  nameField: 'image',
};

export const engineDecoder: Decoder<EngineRecord> = {
  codec: engineCodec,
  complete: (raw) => raw,
  subject: () => ({ kind: 'factory' }),
  nameField: undefined,
};

/** What a text holds: its data as they stand there, and the record that they mean. */
export interface Decoded<T> {
  readonly raw: Raw;
  readonly record: T;
}

/** STATE_CORRUPT with line and column where the text is no such record. */
export function decodeText<T>(decoder: Decoder<T>, path: string, text: string): Result<Decoded<T>, Problem> {
  const name = recordAt(path.replace(/^_archive\//, ''))?.name ?? path;
  const subject = decoder.subject(name);
  const read = readYaml(path, text);
  if (!read.ok) return err({ ...read.error, subject });
  try {
    const raw = read.value;
    const completed = decoder.complete(raw, text);
    const record = decoder.codec.read(completed);
    const written = decoder.nameField === undefined ? name : completed[decoder.nameField];
    if (written !== name) {
      throw unreadableField(
        decoder.nameField ?? 'name',
        `expected "${name}" as the file is called, got ${kindOf(written)}`,
      );
    }
    return ok({ raw, record });
  } catch (thrown) {
    if (!(thrown instanceof UnreadableValue)) throw thrown;
    const where = thrown.path.length > 0 ? `${formatPath(thrown.path)}: ` : '';
    const place = placeOf(path, text, thrown.path);
    return err({
      code: 'STATE_CORRUPT',
      message: `cannot be read: ${where}${thrown.message}`,
      hint: restoreHint,
      subject,
      place,
    });
  }
}

function unreadableField(field: string, message: string): UnreadableValue {
  const fault = new UnreadableValue(message);
  fault.path.push(field);
  return fault;
}

function formatPath(path: readonly (string | number)[]): string {
  return path
    .map((step, index) => (typeof step === 'number' ? `[${step}]` : index === 0 ? step : `.${step}`))
    .join('');
}

/** Line and column of the deepest part of the path that the text has. */
function placeOf(file: string, text: string, path: readonly (string | number)[]): Place {
  const root = spansOf(text)?.root;
  if (!root) return { file };
  let span: Span = root;
  for (const step of path) {
    const next: Span | undefined =
      span.kind === 'map'
        ? span.entries.find((entry) => entry.key === step)?.value
        : span.kind === 'list' && typeof step === 'number'
          ? span.items[step]
          : undefined;
    if (!next) break;
    span = next;
  }
  const before = text.slice(0, span.start).split('\n');
  return { file, line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
}

function recordOf<T>(decoded: Result<Decoded<T>, Problem>): Result<T, Problem> {
  return decoded.ok ? ok(decoded.value.record) : decoded;
}

/** Reads state/images/<name>.yaml. */
export function decodeImage(path: string, text: string): Result<ImageRecord, Problem> {
  return recordOf(decodeText(imageDecoder, path, text));
}

/** Reads state/base-images/<name>.yaml. */
export function decodeBase(path: string, text: string): Result<BaseRecord, Problem> {
  return recordOf(decodeText(baseDecoder, path, text));
}

/** Reads state/intents/<image>.yaml. */
export function decodeIntent(path: string, text: string): Result<Intent, Problem> {
  return recordOf(decodeText(intentDecoder, path, text));
}

/** Reads state/engine.yaml; STATE_NEWER where a newer program wrote it, whatever else it holds. */
export function decodeEngine(path: string, text: string): Result<EngineRecord, Problem> {
  const read = readYaml(path, text);
  const version = read.ok ? read.value['version'] : undefined;
  if (typeof version === 'number' && version > stateVersion) {
    return err({
      code: 'STATE_NEWER',
      message: `expected state of version ${stateVersion} or older, got version ${version}`,
      hint: 'Update Image Factory to the version that wrote this state; nothing was changed.',
      subject: { kind: 'factory' },
      place: { file: path },
    });
  }
  return recordOf(decodeText(engineDecoder, path, text));
}
