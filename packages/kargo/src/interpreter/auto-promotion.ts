import type { PromotionPolicy } from '../manifests/project.ts';
import type { StageManifest } from '../manifests/stage.ts';
import { matches } from './pattern.ts';

/** Source: kargo.md section 1, "ProjectConfig": exact, `glob:` or `regex:` names; labels. */
export function selects({ stageSelector }: PromotionPolicy, { metadata }: StageManifest): boolean {
  const { name, matchLabels = {}, matchExpressions } = stageSelector;
  if (matchExpressions) throw new Error('matchExpressions are not known to this interpreter');
  if (!Object.entries(matchLabels).every(([key, value]) => metadata.labels?.[key] === value)) return false;
  if (name === undefined) return Object.keys(matchLabels).length > 0;
  if (name.startsWith('glob:')) throw new Error('glob: is not known to this interpreter');
  if (!name.startsWith('regex:')) return metadata.name === name;
  return matches(metadata.name, name.slice('regex:'.length));
}
