import type { SharedFields } from './fields.ts';
import type { Scope } from './findings.ts';
import type { ImageName } from './image-name.ts';
import type { EntryShape } from './images-schema.ts';
import type { Memory } from './memory.ts';
import type { EntryPlace } from './types.ts';
import type { YamlMapping } from './yaml-compose.ts';

/** An entry on its way to an enrolment. */
export interface EntryDraft {
  readonly name: string;
  readonly image: ImageName | undefined;
  readonly shape: EntryShape;
  /** The entry's mapping, with older keys in today's place. */
  readonly mapping: YamlMapping;
  /** As written. */
  readonly raw: YamlMapping;
  readonly own: SharedFields;
  readonly defaults: SharedFields;
  readonly scope: Scope;
  readonly place: EntryPlace;
  readonly memory: Memory;
}
