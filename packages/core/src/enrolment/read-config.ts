import type { Problem } from '../problem.ts';
import { checkAcrossFiles } from './across-files.ts';
import { defaultSettings } from './default-settings.ts';
import { noFields, type SharedFields } from './fields.ts';
import { newFindings, type Findings, type Scope } from './findings.ts';
import type { ReadEntry } from './read-entry.ts';
import { readFactory } from './read-factory.ts';
import { readImages } from './read-images.ts';
import { newMemory, type Memory } from './memory.ts';
import type { FactoryConfig, Settings } from './types.ts';
import { readYaml, type ConfigFile, type YamlFile } from './yaml-file.ts';

/** The configuration files of a factory directory; absent files are left out. */
export interface ConfigFiles {
  readonly images?: ConfigFile | undefined;
  readonly imagesDir: readonly ConfigFile[];
  readonly factory?: ConfigFile | undefined;
}

export interface ReadConfig {
  /** Undefined where there is any problem. */
  readonly config: FactoryConfig | undefined;
  /** Every mistake, by file and place. */
  readonly problems: readonly Problem[];
  /** What is odd, but usable. */
  readonly warnings: readonly Problem[];
}

/**
 * Reads the whole configuration. Never throws: mistakes come back, all at once, with file, line and column.
 * Files of images.d are taken in the order of their paths.
 */
export function readConfig(files: ConfigFiles): ReadConfig {
  const findings = newFindings();
  const memory = newMemory();
  const imagesDir = files.imagesDir.toSorted((left, right) => (left.path < right.path ? -1 : 1));
  const order = [files.images, ...imagesDir, files.factory]
    .filter((file) => file !== undefined)
    .map((file) => file.path);

  const settings = readSettings(files.factory, findings, memory);
  if (!files.images && imagesDir.length === 0) {
    findings.problems.push({
      code: 'CONFIG_MISSING',
      message: 'the factory directory has neither images.yaml nor images.d/*.yaml',
      hint: 'Create one with "image-factory init", or name the factory directory with --dir.',
      place: { file: 'images.yaml' },
    });
  }
  const entries = readAllImages(files.images, imagesDir, findings, memory);
  checkAcrossFiles(entries, settings.value, settings.scope, findings);

  addDropped(findings);
  const problems = inOrder(findings.problems, order);
  const warnings = inOrder(findings.warnings, order);
  if (problems.length > 0) return { config: undefined, problems, warnings };
  const images = entries.map((entry) => entry.enrolment).filter((enrolment) => enrolment !== undefined);
  return { config: { settings: settings.value, images }, problems, warnings };
}

/** Reads factory.yaml alone, for commands that need no enrolments. */
export function readSettingsAlone(factory: ConfigFile | undefined): {
  readonly settings: Settings | undefined;
  readonly problems: readonly Problem[];
} {
  const findings = newFindings();
  const { value } = readSettings(factory, findings, newMemory());
  const { problems } = findings;
  return problems.length > 0 ? { settings: undefined, problems } : { settings: value, problems };
}

function readSettings(
  file: ConfigFile | undefined,
  findings: Findings,
  memory: Memory,
): { readonly value: Settings; readonly scope: Scope | undefined } {
  const scope = file && openFile(file, findings);
  return { value: scope ? readFactory(scope, memory) : defaultSettings, scope };
}

function readAllImages(
  main: ConfigFile | undefined,
  imagesDir: readonly ConfigFile[],
  findings: Findings,
  memory: Memory,
): readonly ReadEntry[] {
  const entries: ReadEntry[] = [];
  let inherited: SharedFields = noFields;
  const mainScope = main && openFile(main, findings);
  if (mainScope) {
    const read = readImages(mainScope, inherited, memory);
    inherited = read.defaults;
    for (const entry of read.entries) entries.push(entry);
  }
  for (const file of imagesDir) {
    const scope = openFile(file, findings);
    if (!scope) continue;
    for (const entry of readImages(scope, inherited, memory).entries) entries.push(entry);
  }
  return entries;
}

function openFile(file: ConfigFile, findings: Findings): Scope | undefined {
  const { yaml, problems } = readYaml(file);
  findings.problems.push(...problems);
  return yaml && wholeFile(yaml, findings);
}

function wholeFile(yaml: YamlFile, findings: Findings): Scope {
  return { yaml, path: [], subject: { kind: 'factory' }, findings };
}

function addDropped(findings: Findings): void {
  if (findings.dropped === 0) return;
  findings.problems.push({
    code: 'CONFIG_INVALID_VALUE',
    message: `${findings.dropped} more problems are not shown`,
    hint: 'Mend those above first.',
  });
}

/** By file in the order read, then by place; what has no place comes last. */
function inOrder(problems: readonly Problem[], files: readonly string[]): Problem[] {
  const rank = new Map(files.map((file, index) => [file, index]));
  const key = ({ place }: Problem): [number, number, number] => [
    place ? (rank.get(place.file) ?? files.length) : Infinity,
    place?.line ?? 0,
    place?.column ?? 0,
  ];
  return problems
    .map((problem) => ({ problem, key: key(problem) }))
    .toSorted(
      (left, right) =>
        compare(left.key[0], right.key[0]) ||
        compare(left.key[1], right.key[1]) ||
        compare(left.key[2], right.key[2]),
    )
    .map(({ problem }) => problem);
}

/** Not a difference: two infinities have none. */
function compare(left: number, right: number): number {
  if (left === right) return 0;
  return left < right ? -1 : 1;
}
