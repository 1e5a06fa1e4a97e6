import { posix } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { Dependency } from '@image-factory/core/state/types.ts';
import type { BuildJob } from '../build-tool.ts';
import { jsonArray, type Step } from '../dockerfile-steps.ts';
import { nativePlatform } from '../platforms.ts';
import { assignments, configAfter, environmentOf } from './config-step.ts';
import { contextSource, copyEntries, stageSource, type ReadSource } from './copy-step.ts';
import { expandWord } from './expand.ts';
import { emptyImage, imageFiles, layerType, type Image } from './image.ts';
import { writeTar, type TarEntry } from './tar.ts';
import { digestOf, type Transfer } from './transfer.ts';
import { unsupported } from './unsupported.ts';

export interface StageWork {
  readonly job: BuildJob;
  readonly platform: string;
  readonly transfer: Transfer;
  /** The image of a base at its pin, or as its tag stands now. */
  readonly base: (dependency: Dependency, platform: string) => Promise<Image>;
  readonly created: string;
}

interface Stage {
  readonly from: Step;
  readonly name: string | undefined;
  readonly steps: readonly Step[];
}

/** Builds the target stage, and the stages it needs, each once. */
export async function buildTarget(work: StageWork): Promise<Image> {
  const { job } = work;
  const first = job.steps.steps.findIndex((step) => step.keyword === 'FROM');
  const globals = globalArguments(work, job.steps.steps.slice(0, Math.max(0, first)));
  const stages = splitStages(job.steps.steps);
  const built = new Map<number, Promise<Image>>();

  function image(index: number): Promise<Image> {
    const known = built.get(index) ?? buildStage(index);
    built.set(index, known);
    return known;
  }

  function indexOf(name: string, before: number): number | undefined {
    const found = stages.findLastIndex((stage, index) => index < before && stage.name === name.toLowerCase());
    return found === -1 ? undefined : found;
  }

  async function baseOf(index: number, step: Step): Promise<Image> {
    const written = step.rest.split(/\s+/)[0] ?? '';
    const word = expandWord(written, globals, job.steps.escape);
    if (word === undefined) throw unsupported(job, step, `the expansion ${written}`);
    const stage = indexOf(word, index);
    if (stage !== undefined) return image(stage);
    if (word === 'scratch') return emptyImage;
    const dependency = dependencyOf(work, step, written, ['from']);
    return work.base(dependency, step.flags.length > 0 ? dependency.platform : work.platform);
  }

  async function sourceOf(index: number, step: Step): Promise<ReadSource> {
    const flag = step.flags.find((item) => item.startsWith('--from='));
    if (!flag) return contextSource(job.files.context);
    const word = flag.slice('--from='.length).replace(/["']/g, '');
    const stage = /^\d+$/.test(word) && Number(word) < index ? Number(word) : indexOf(word, index);
    const from =
      stage === undefined
        ? await work.base(dependencyOf(work, step, word, ['copy-from']), work.platform)
        : await image(stage);
    return stageSource(await imageFiles(work.transfer, from));
  }

  async function buildStage(index: number): Promise<Image> {
    const stage = stages[index] as Stage;
    let current = await baseOf(index, stage.from);
    if (Array.isArray(current.config['OnBuild']) && current.config['OnBuild'].length > 0) {
      throw unsupported(job, stage.from, 'a base with ONBUILD instructions');
    }
    const values = new Map<string, string>();
    for (const step of stage.steps) {
      const expand = (word: string) => {
        const scope = new Map([...values, ...environmentOf(current.config)]);
        const result = expandWord(word, scope, job.steps.escape);
        if (result === undefined) throw unsupported(job, step, `the expansion ${word.slice(0, 60)}`);
        return result;
      };
      if (step.keyword === 'ARG') {
        for (const [name, value] of argumentsOf(work, step, expand, globals)) values.set(name, value);
        continue;
      }
      if (step.keyword === 'WORKDIR') {
        current = {
          ...current,
          config: {
            ...current.config,
            WorkingDir: posix.resolve(workingDirectory(current), expand(step.rest)),
          },
        };
      } else if (step.keyword === 'COPY' || step.keyword === 'ADD') {
        current = await addFiles(current, work, step, expand, await sourceOf(index, step));
        continue;
      } else {
        current = { ...current, config: configAfter(current.config, step, expand) ?? current.config };
      }
      current = { ...current, history: [...current.history, historyOf(work, step, true)] };
    }
    return current;
  }

  const { target } = job.request.image.source;
  const wanted = target === undefined ? stages.length - 1 : indexOf(target, stages.length);
  if (wanted === undefined || wanted < 0)
    throw unsupported(job, stages[0]?.from ?? noStep, `the target ${target ?? ''}, which no stage has`);
  return image(wanted);
}

const noStep: Step = { keyword: 'FROM', flags: [], rest: '', line: 1, heredoc: false };

async function addFiles(
  image: Image,
  work: StageWork,
  step: Step,
  expand: (word: string) => string,
  read: ReadSource,
): Promise<Image> {
  const { job } = work;
  const words = jsonArray(step.rest) ?? step.rest.split(/\s+/);
  const paths = words.map(expand);
  const destination = paths.pop() ?? '';
  const odd = paths.find((path) => /[*?[]/.test(path) || /^[a-z]+:\/\/|^git@/.test(path));
  if (odd !== undefined) throw unsupported(job, step, `the source ${odd}`);
  const absolute = posix.resolve(workingDirectory(image), destination);
  const intoDirectory = /(?:^|\/)\.{0,2}$/.test(destination);
  const entries = await copyEntries(
    {
      sources: paths,
      destination: intoDirectory ? `${absolute}/` : absolute,
      owner: ownerOf(job, step),
      mode: modeOf(job, step),
      time: job.timestamp,
      isDirectory: async (path) => isDirectory(await imageFiles(work.transfer, image), path),
    },
    read,
  ).catch((error: unknown) => {
    throw error instanceof Error && error.name === 'Error' ? unsupported(job, step, error.message) : error;
  });
  if (step.keyword === 'ADD' && entries.some((entry) => isArchive(entry)))
    throw unsupported(job, step, 'ADD unpacks an archive');
  const archive = writeTar(entries);
  const content = gzipSync(archive);
  const layer = {
    mediaType: layerType,
    digest: digestOf(content),
    size: content.length,
    diffId: digestOf(archive),
    content,
  };
  return {
    ...image,
    layers: [...image.layers, layer],
    history: [...image.history, historyOf(work, step, false)],
  };
}

function isDirectory(files: ReadonlyMap<string, TarEntry>, path: string): boolean {
  return (
    path === '' ||
    files.get(path)?.type === 'directory' ||
    files.keys().some((name) => name.startsWith(`${path}/`))
  );
}

/** gzip, bzip2, xz, zstd and tar are unpacked by ADD. */
function isArchive(entry: TarEntry): boolean {
  const magic = entry.content.subarray(0, 4).toString('hex');
  return (
    /^(?:1f8b|425a68|fd377a58|28b52ffd)/.test(magic) || entry.content.toString('latin1', 257, 262) === 'ustar'
  );
}

function dependencyOf(
  work: StageWork,
  step: Step,
  written: string,
  kinds: readonly Dependency['kind'][],
): Dependency {
  const named = work.job.request.dependencies.filter(
    (item) =>
      kinds.includes(item.kind) &&
      (item.written === written || item.written.replace(/["']/g, '') === written),
  );
  const found = named.find((item) => item.platform === work.platform) ?? named[0];
  if (!found) throw unsupported(work.job, step, `${written}, which discovery does not know as a base`);
  return found;
}

function splitStages(steps: readonly Step[]): readonly Stage[] {
  const stages: { from: Step; name: string | undefined; steps: Step[] }[] = [];
  for (const step of steps) {
    if (step.keyword === 'FROM')
      stages.push({ from: step, name: step.rest.split(/\s+/)[2]?.toLowerCase(), steps: [] });
    else stages.at(-1)?.steps.push(step);
  }
  return stages;
}

function globalArguments(work: StageWork, steps: readonly Step[]): ReadonlyMap<string, string> {
  const values = new Map([
    ...platformValues('TARGET', work.platform),
    ...platformValues('BUILD', nativePlatform()),
  ]);
  for (const step of steps) {
    if (step.keyword !== 'ARG') continue;
    const expand = (word: string) => expandWord(word, values, work.job.steps.escape) ?? '';
    for (const [name, value] of argumentsOf(work, step, expand, new Map())) values.set(name, value);
  }
  return values;
}

function platformValues(prefix: string, platform: string): readonly (readonly [string, string])[] {
  const [os = '', arch = '', variant = ''] = platform.split('/');
  return [
    [`${prefix}PLATFORM`, platform],
    [`${prefix}OS`, os],
    [`${prefix}ARCH`, arch],
    [`${prefix}VARIANT`, variant],
  ];
}

function argumentsOf(
  work: StageWork,
  step: Step,
  expand: (word: string) => string,
  globals: ReadonlyMap<string, string>,
): readonly (readonly [string, string])[] {
  const given = new Map(Object.entries(work.job.request.image.source.buildArgs));
  return step.rest.split(/\s+(?=[A-Za-z_]\w*(?:=|\s|$))/).flatMap((part) => {
    const [name = '', fallback] = part.includes('=') ? (assignments(part, expand)[0] ?? []) : [part];
    const value = given.get(name) ?? fallback ?? globals.get(name);
    return value === undefined ? [] : [[name, value] as const];
  });
}

function ownerOf(job: BuildJob, step: Step): readonly [number, number] | undefined {
  const flag = step.flags.find((item) => item.startsWith('--chown='));
  if (!flag) return undefined;
  const match = /^--chown=(\d+)(?::(\d+))?$/.exec(flag);
  if (!match)
    throw unsupported(job, step, `${flag.slice(0, 60)}: names need the files of the image; write numbers`);
  return [Number(match[1]), Number(match[2] ?? match[1])];
}

function modeOf(job: BuildJob, step: Step): number | undefined {
  const flag = step.flags.find((item) => item.startsWith('--chmod='));
  if (!flag) return undefined;
  const match = /^--chmod=([0-7]{3,4})$/.exec(flag);
  if (!match?.[1]) throw unsupported(job, step, flag.slice(0, 60));
  return Number.parseInt(match[1], 8);
}

function workingDirectory(image: Image): string {
  const directory = image.config['WorkingDir'];
  return typeof directory === 'string' && directory !== '' ? directory : '/';
}

function historyOf(work: StageWork, step: Step, empty: boolean): unknown {
  const text = [step.keyword, ...step.flags, step.rest].join(' ');
  return { created: work.created, created_by: text, ...(empty ? { empty_layer: true } : {}) };
}
