import { open } from 'node:fs/promises';
import { dependenciesOf } from '@image-factory/core/dockerfile/analyse.ts';
import { toExpectShape } from '@image-factory/core/dockerfile/expect-shape.ts';
import { FactoryError } from '@image-factory/core/problem.ts';
import { parsePlatform } from '@image-factory/core/reference/platform.ts';
import type { PlatformName } from '@image-factory/core/reference/types.ts';
import type { Answer } from '../answer.ts';
import type { Flags } from '../flags.ts';
import type { GlobalOptions } from '../global-options.ts';
import type { Io } from '../io.ts';
import { resolve } from 'node:path';
import { table } from '../render/table.ts';

/** A larger file is no Dockerfile. */
const largestFile = 1024 * 1024;

/** The images that one Dockerfile is built from, by BuildKit's rules; asks nobody. */
export async function dependencies(
  _options: GlobalOptions,
  io: Io,
  args: readonly string[],
  flags: Flags,
): Promise<Answer> {
  const file = resolve(io.cwd, args[0] ?? '');
  const bytes = await readCapped(file);
  const target = typeof flags['target'] === 'string' ? flags['target'] : undefined;
  const analysis = dependenciesOf(bytes, {
    buildArgs: pairs('--build-arg', flags['buildArg'], io),
    contexts: pairs('--build-context', flags['buildContext'], io),
    platforms: platforms(flags['platform']),
    ...(target === undefined ? {} : { target }),
  });
  const { error } = analysis;
  return {
    value: toExpectShape(analysis),
    selfContained: true,
    text: (style) =>
      table(
        ['reference', 'kind', 'stage', 'platform'],
        analysis.bases.map((base) => [
          { text: base.normalized ?? `${base.ref} (replaced)`, paint: style.bold },
          base.kind + (base.onbuild ? ' (onbuild)' : ''),
          base.stage,
          base.platform,
        ]),
        style,
      ),
    ...(error
      ? {
          exit: 1 as const,
          problems: [
            {
              code: 'DOCKERFILE_INVALID' as const,
              message: `${error.class}: ${error.message}`,
              hint: 'BuildKit refuses this file. Mend it, or give the build arguments that it needs with --build-arg.',
              place: { file, ...(error.line === undefined ? {} : { line: error.line }) },
            },
          ],
        }
      : {}),
  };
}

async function readCapped(file: string): Promise<Uint8Array> {
  const missing = (cause: unknown): never => {
    throw new FactoryError(
      {
        code: 'NOT_FOUND',
        message: `${file} cannot be read`,
        hint: 'Give the path of a Dockerfile.',
        place: { file },
      },
      { cause },
    );
  };
  const handle = await open(file).catch(missing);
  try {
    const found = await handle.stat();
    if (!found.isFile() || found.size > largestFile) {
      throw new FactoryError({
        code: 'DOCKERFILE_UNREADABLE',
        message: found.isFile()
          ? `${file} has ${found.size} bytes; at most ${largestFile} are read`
          : `${file} is not a file`,
        hint: 'Give the path of a Dockerfile.',
        place: { file },
      });
    }
    return await handle.readFile();
  } finally {
    await handle.close();
  }
}

/** As docker does, a name alone takes its value from the environment, and means nothing if it is not there. */
function pairs(option: string, given: unknown, io: Io): ReadonlyMap<string, string> {
  const map = new Map<string, string>();
  for (const text of Array.isArray(given) ? given.map(String) : []) {
    const at = text.indexOf('=');
    const name = at < 0 ? text : text.slice(0, at);
    const value = at < 0 ? io.env[name] : text.slice(at + 1);
    if (name === '')
      throw new FactoryError({
        code: 'USAGE',
        message: `${option} ${text} has no name`,
        hint: 'Write NAME=VALUE.',
      });
    if (value !== undefined) map.set(name, value);
  }
  return map;
}

function platforms(given: unknown): PlatformName[] {
  return (Array.isArray(given) ? given.map(String) : [])
    .flatMap((text) => text.split(','))
    .map((text) => {
      const platform = parsePlatform(text);
      if (platform.ok) return platform.value;
      throw new FactoryError({
        code: 'USAGE',
        message: `--platform: ${platform.error}`,
        hint: 'Write linux/amd64, linux/arm64 or the like.',
      });
    });
}
