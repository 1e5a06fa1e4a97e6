import type { Problem } from '../problem.ts';
import type { Result } from '../result.ts';
import { dataEqual } from './data-equal.ts';
import {
  baseDecoder,
  decodeText,
  engineDecoder,
  imageDecoder,
  intentDecoder,
  type Decoded,
  type Decoder,
} from './decode.ts';
import { mergeKnown } from './merge-known.ts';
import { basePath, enginePath, imagePath, intentPath } from './state-paths.ts';
import type { BaseRecord, EngineRecord, ImageRecord, Intent } from './types.ts';
import { editYaml } from './yaml-edit.ts';
import { writeYaml } from './yaml-write.ts';

/** How a record of one kind becomes text. */
export interface Encoder<T> {
  readonly decoder: Decoder<T>;
  readonly path: (record: T) => string;
  /** First line of new files. */
  readonly header: string;
  /** Fields of hand-written files that the known field stands for once it is written. */
  readonly aliases: readonly (readonly [alias: string, field: string])[];
}

export const imageEncoder: Encoder<ImageRecord> = {
  decoder: imageDecoder,
  path: (record) => imagePath(record.name),
  header:
    '# Kept by Image Factory. Enrolment is changed in images.yaml; a hold may be written here by hand.\n',
  aliases: [],
};

export const baseEncoder: Encoder<BaseRecord> = {
  decoder: baseDecoder,
  path: (record) => basePath(record.name),
  header: '# Kept by Image Factory: a tag that images are built from. A hold may be written here by hand.\n',
  aliases: [['hold', 'holds']],
};

export const intentEncoder: Encoder<Intent> = {
  decoder: intentDecoder,
  path: (record) => intentPath(record.image),
  header: '# Kept by Image Factory: a build that was decided on. Do not edit while it is open.\n',
  aliases: [],
};

export const engineEncoder: Encoder<EngineRecord> = {
  decoder: engineDecoder,
  path: () => enginePath,
  header: '# Kept by Image Factory: the engine that owns this state.\n',
  aliases: [],
};

/** The text of a new file. */
export function encodeNew<T>(encoder: Encoder<T>, record: T): string {
  return writeYaml(encoder.decoder.codec.write(record) as Readonly<Record<string, unknown>>, encoder.header);
}

/**
 * The text that holds `record` in place of `previous`, which holds `known` now. A text in our own form is written anew
 * in it; any other is edited, so that comments, unknown fields, order and spelling survive. An equal record gives the
 * previous text, byte for byte.
 */
export function encodeOver<T>(
  encoder: Encoder<T>,
  previous: string,
  known: T,
  record: T,
): string | undefined {
  const { codec } = encoder.decoder;
  const knownData = codec.write(known) as Readonly<Record<string, unknown>>;
  const data = codec.write(record) as Readonly<Record<string, unknown>>;
  if (writeYaml(knownData, encoder.header) === previous) return writeYaml(data, encoder.header);
  if (dataEqual(knownData, data)) return previous;
  const decoded = decodeText(encoder.decoder, encoder.path(known), previous);
  if (!decoded.ok) return undefined;
  const { raw } = decoded.value;
  let merged = mergeKnown(raw, knownData, data) as Readonly<Record<string, unknown>>;
  for (const [alias, field] of encoder.aliases) {
    if (dataEqual(knownData[field], data[field])) continue;
    const { [alias]: _, ...rest } = merged;
    // Items that came in by the alias are no items of the list as it stands in the file.
    merged = alias in raw ? withField(rest, field, data[field]) : rest;
  }
  return editYaml(previous, raw, merged);
}

function withField(
  map: Readonly<Record<string, unknown>>,
  field: string,
  value: unknown,
): Readonly<Record<string, unknown>> {
  const { [field]: _, ...rest } = map;
  return value === undefined ? rest : { ...rest, [field]: value };
}

function encode<T>(encoder: Encoder<T>, previous: string | undefined, record: T): string {
  if (previous === undefined) return encodeNew(encoder, record);
  const decoded: Result<Decoded<T>, Problem> = decodeText(encoder.decoder, encoder.path(record), previous);
  if (!decoded.ok) return previous;
  return encodeOver(encoder, previous, decoded.value.record, record) ?? previous;
}

/** The file's new text; a previous text that cannot be read is given back as it is, never overwritten. */
export function encodeImage(previous: string | undefined, record: ImageRecord): string {
  return encode(imageEncoder, previous, record);
}

/** As {@link encodeImage}, for a base. */
export function encodeBase(previous: string | undefined, record: BaseRecord): string {
  return encode(baseEncoder, previous, record);
}

/** As {@link encodeImage}, for an intent. */
export function encodeIntent(previous: string | undefined, record: Intent): string {
  return encode(intentEncoder, previous, record);
}

/** As {@link encodeImage}, for the engine record. */
export function encodeEngine(previous: string | undefined, record: EngineRecord): string {
  return encode(engineEncoder, previous, record);
}
