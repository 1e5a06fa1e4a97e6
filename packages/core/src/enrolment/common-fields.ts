import { day } from '../time.ts';
import type { EntryDraft } from './entry-draft.ts';
import type { SharedFields } from './fields.ts';
import type { ImageName } from './image-name.ts';
import type { Enrolment } from './types.ts';

const defaultDelay = 7 * day;

type Common = Pick<
  Enrolment,
  | 'name'
  | 'registry'
  | 'repository'
  | 'platforms'
  | 'rebuildDelay'
  | 'owner'
  | 'criticality'
  | 'place'
  | 'raw'
>;

/** What managed and external images have alike; `fields` are the entry's over the defaults. */
export function commonFields(draft: EntryDraft, image: ImageName, fields: SharedFields): Common {
  return {
    name: draft.name,
    registry: image.registry,
    repository: image.repository,
    platforms: fields.platforms ?? [],
    rebuildDelay: fields.rebuildDelay ?? defaultDelay,
    owner: fields.owner,
    criticality: fields.criticality ?? 'normal',
    place: draft.place,
    raw: draft.raw,
  };
}
