import type { Place, Problem } from '@image-factory/core/problem.ts';
import type { RuleName } from '@image-factory/kargo/validate/rules.ts';
import { validateManifests, type Finding } from '@image-factory/kargo/validate/validate-manifests.ts';
import type { Answer } from '../answer.ts';
import type { Flags } from '../flags.ts';
import type { GlobalOptions } from '../global-options.ts';
import type { Io } from '../io.ts';
import { readDocuments, type ManifestDocument } from '../manifests/manifest-documents.ts';
import { readManifestFiles, type ManifestFile } from '../manifests/manifest-files.ts';
import type { Style } from '../render/style.ts';

/** A finding, where it stands. */
interface PlacedFinding extends Required<Place> {
  readonly rule: RuleName;
  readonly severity: Finding['severity'];
  readonly resource: Finding['resource'];
  readonly path: string;
  readonly image?: string;
  readonly message: string;
  readonly hint: string;
}

/** What Kargo would refuse, or fail at, in anybody's manifests; all files are one set, so references between them count. */
export async function lintKargo(
  _options: GlobalOptions,
  io: Io,
  args: readonly string[],
  flags: Flags,
): Promise<Answer> {
  const { files, problems: unread } = await readManifestFiles(args, io);
  const read = files.map((file) => ({ file, ...readDocuments(file) }));
  const problems = [...unread, ...read.flatMap((each) => each.problems)];
  const documents = read.flatMap(({ file, documents: all }) => all.filter((each) => isMeant(file, each)));
  // The validator has them in the order of its rules within a resource; people read from top to bottom.
  const findings = validateManifests(documents.map(({ value }) => value))
    .map((finding) => ({ manifest: finding.manifest, placed: placed(finding, documents) }))
    .toSorted((left, right) => left.manifest - right.manifest || left.placed.line - right.placed.line)
    .map((each) => each.placed);
  const errors = findings.filter(({ severity }) => severity === 'error').length;
  const failed = errors > 0 || (flags['strict'] === true && findings.length > 0);
  const summary = {
    files: files.length,
    resources: documents.length,
    errors,
    warnings: findings.length - errors,
  };
  return {
    value: { ...summary, findings },
    text: (style) => findingsText(findings, style) + summaryText(summary, problems),
    problems,
    exit: problems.length > 0 ? 2 : failed ? 1 : 0,
  };
}

/** A folder may hold values, settings and schemas beside manifests; a file that is named is meant. */
function isMeant({ found }: ManifestFile, { value }: ManifestDocument): boolean {
  if (!found) return true;
  return typeof value === 'object' && value !== null && 'apiVersion' in value && 'kind' in value;
}

function placed(finding: Finding, documents: readonly ManifestDocument[]): PlacedFinding {
  const { rule, severity, resource, path, image, message, hint, keys, manifest } = finding;
  const place = documents[manifest]?.placeOf(keys) ?? { file: '', line: 1, column: 1 };
  return {
    ...place,
    rule,
    severity,
    resource,
    path,
    ...(image === undefined ? {} : { image }),
    message,
    hint,
  };
}

function findingsText(findings: readonly PlacedFinding[], style: Style): string {
  return findings
    .map((finding) => {
      const mark = finding.severity === 'error' ? style.bad('error') : style.warn('warning');
      const { kind, name, namespace } = finding.resource;
      const resource = [kind, [namespace, name].filter((part) => part !== '').join('/')].join(' ').trim();
      const image = finding.image === undefined ? '' : ` for image ${finding.image}`;
      const path = finding.path === '' ? '' : `${finding.path}: `;
      return (
        `${finding.file}:${finding.line}:${finding.column} ${mark} ${style.bold(finding.rule)} ${resource}${image}\n` +
        `      ${path}${finding.message}\n      ${style.dim(finding.hint)}\n`
      );
    })
    .join('');
}

function summaryText(
  {
    files,
    resources,
    errors,
    warnings,
  }: { files: number; resources: number; errors: number; warnings: number },
  problems: readonly Problem[],
): string {
  const found =
    errors + warnings === 0 ? 'nothing found' : `${plural(errors, 'error')}, ${plural(warnings, 'warning')}`;
  const unread = problems.length === 0 ? '' : '; not everything could be read';
  return `${found} in ${plural(resources, 'resource')} of ${plural(files, 'file')}${unread}\n`;
}

function plural(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? '' : 's'}`;
}
