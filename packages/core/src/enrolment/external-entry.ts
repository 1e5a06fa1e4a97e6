import type { Result } from '../result.ts';
import { commonFields } from './common-fields.ts';
import { mergeFields } from './fields.ts';
import { addProblem, addWarning, shown, within } from './findings.ts';
import type { EntryDraft } from './entry-draft.ts';
import type { Memory } from './memory.ts';
import { compileTagPattern, exactTagPattern, type TagPattern } from './tag-pattern.ts';
import type { ExternalEnrolment, SelectionStrategy } from './types.ts';

/** Undefined where something is missing; what is wrong has been reported then. */
export function buildExternal(draft: EntryDraft): ExternalEnrolment | undefined {
  refuseManagedKeys(draft);
  const selection = readSelection(draft);
  if (!draft.image || !selection) return undefined;
  const fields = mergeFields(draft.defaults, draft.own);
  return {
    kind: 'external',
    ...commonFields(draft, draft.image, fields),
    allowTags: selection.allowTags,
    imageSelectionStrategy: selection.imageSelectionStrategy,
  };
}

const managedKeys = [
  'autoRebuild',
  'rebuildOn',
  'mode',
  'schedule',
  'pullRequestGroup',
  'versionFile',
  'versionFiles',
];

function refuseManagedKeys({ mapping, scope }: EntryDraft): void {
  for (const key of managedKeys) {
    if (!Object.hasOwn(mapping, key)) continue;
    const here = within(scope, key);
    const message = `${key} has no meaning for an external image: this entry has neither source nor local`;
    // An older tool wrote "autoRebuild: false" everywhere: that asks for nothing that does not happen.
    if (key === 'autoRebuild' && mapping[key] === false) {
      addWarning(here, 'CONFIG_CONFLICT', message, 'Remove it.', 'key');
    } else {
      addProblem(
        here,
        'CONFIG_CONFLICT',
        message,
        'Remove it, or add source.repo if you build this image.',
        'key',
      );
    }
  }
}

type Selection = Pick<ExternalEnrolment, 'allowTags' | 'imageSelectionStrategy'>;

function readSelection(draft: EntryDraft): Selection | undefined {
  const { shape, mapping, own, defaults, scope } = draft;
  const strategy = own.imageSelectionStrategy ?? defaults.imageSelectionStrategy;
  const hasPattern = Object.hasOwn(mapping, 'allowTags');
  const hasTags = Object.hasOwn(mapping, 'tags');
  if (!hasPattern && !hasTags) {
    addProblem(
      scope,
      'CONFIG_CONFLICT',
      'the entry has nothing to watch: neither source, local, allowTags nor tags',
      'For an image that you build add source.repo; for one that others build add allowTags: ^16[.0-9]*-alpine$, for example.',
    );
    return undefined;
  }
  if (hasPattern && hasTags) {
    addProblem(
      within(scope, 'tags'),
      'CONFIG_CONFLICT',
      'an external image has tags or allowTags, not both',
      'Remove one of the two.',
      'key',
    );
    return undefined;
  }
  if (hasPattern)
    return shape.allowTags === undefined ? undefined : readPattern(draft, shape.allowTags, strategy);
  if (!own.tags) return undefined;
  const [tag, ...others] = own.tags;
  if (tag === undefined) return undefined;
  if (others.length > 0) {
    addProblem(
      within(scope, 'tags'),
      'CONFIG_CONFLICT',
      `an external image has one selection; got ${own.tags.length} tags`,
      `Write allowTags: ^(${own.tags.slice(0, 5).map(escaped).join('|')})$, or one entry for each.`,
    );
    return undefined;
  }
  return { allowTags: exactTagPattern(tag), imageSelectionStrategy: strategy ?? 'Digest' };
}

function readPattern(
  draft: EntryDraft,
  source: string,
  strategy: SelectionStrategy | undefined,
): Selection | undefined {
  const here = within(draft.scope, 'allowTags');
  const pattern = compiled(source, draft.memory);
  if (!pattern.ok) {
    addProblem(
      here,
      'CONFIG_INVALID_VALUE',
      `allowTags ${shown(source)}: ${pattern.error}`,
      'Only what RE2 and JavaScript read alike is accepted: docs/configuration.md lists it.',
    );
    return undefined;
  }
  if (!pattern.value.possible) {
    addProblem(
      here,
      'CONFIG_INVALID_VALUE',
      `allowTags ${shown(source)} can never match: no tag has this form`,
      'It is matched against the tag alone (without repository and colon), which has 1 to 128 letters, digits, "_", "." and "-".',
    );
    return undefined;
  }
  if (!pattern.value.anchored) {
    addWarning(
      here,
      'CONFIG_INVALID_VALUE',
      `allowTags ${shown(source)} is not anchored: it also matches inside longer tags`,
      `Write ^(${source.slice(0, 60)})$ if the whole tag is meant.`,
    );
  }
  const chosen = strategy ?? 'SemVer';
  if (chosen === 'Digest' && pattern.value.literal === undefined) {
    addWarning(
      here,
      'CONFIG_CONFLICT',
      `the strategy Digest follows one tag, but allowTags ${shown(source)} may match several`,
      'Write the tag in full: tags: ["16-alpine"], or allowTags: ^16-alpine$.',
    );
  }
  return { allowTags: source, imageSelectionStrategy: chosen };
}

function compiled(source: string, memory: Memory): Result<TagPattern, string> {
  const known = memory.patterns.get(source);
  if (known) return known;
  const pattern = compileTagPattern(source);
  memory.patterns.set(source, pattern);
  return pattern;
}

function escaped(tag: string): string {
  return tag.replaceAll('.', '\\.');
}
