import {
  count,
  digest,
  instant,
  oneOf,
  onlyTrue,
  optional,
  orEmpty,
  recordOf,
  required,
  text,
  type Codec,
} from './fields.ts';
import { pin, platformName } from './image-codec.ts';
import type { EngineRecord, Intent, RetryMark, RunReport } from './types.ts';

/** state/intents/<image>.yaml */
export const intentCodec: Codec<Intent> = recordOf<Intent>({
  image: required(text),
  key: required(text),
  attempt: required(count),
  createdAt: required(instant),
  writer: required(text),
  takenOverAt: optional(instant),
  epoch: required(count),
  provider: required(text),
  reason: required(text),
  requestedBy: optional(text),
  emergency: optional(onlyTrue),
  request: optional(text),
  commit: optional(text),
  revision: optional(text),
  retry: optional(recordOf<RetryMark>({ by: required(text), tries: required(count), after: optional(text) })),
  platforms: orEmpty(platformName),
  pins: orEmpty(pin),
  run: optional(
    recordOf<NonNullable<Intent['run']>>({
      id: required(text),
      url: optional(text),
      startedAt: required(instant),
    }),
  ),
  reported: optional(
    recordOf<RunReport>({
      at: required(instant),
      status: required(oneOf('success', 'failure', 'cancelled', 'superseded')),
      run: required(text),
      digest: optional(digest),
      url: optional(text),
      log: optional(text),
      error: optional(text),
    }),
  ),
});

/** The layout of the state that this program writes. A higher number in engine.yaml is a newer program's state. */
export const stateVersion = 1;

/** state/engine.yaml */
export const engineCodec: Codec<EngineRecord> = recordOf<EngineRecord>({
  engine: required(oneOf('embedded', 'kargo')),
  epoch: required(count),
  version: required(count),
});
