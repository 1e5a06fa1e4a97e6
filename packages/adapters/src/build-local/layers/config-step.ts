import { jsonArray, shellWords, type Step } from '../dockerfile-steps.ts';
import type { ProcessConfig } from './image.ts';

/** Expands one word; throws for a form that is not supported. */
export type Expand = (word: string) => string;

/** The process configuration after an instruction that adds no files; undefined: it is not one of those. */
export function configAfter(config: ProcessConfig, step: Step, expand: Expand): ProcessConfig | undefined {
  switch (step.keyword) {
    case 'ENV':
      return { ...config, Env: withEnvironment(environmentOf(config), assignments(step.rest, expand)) };
    case 'LABEL':
      return {
        ...config,
        Labels: {
          ...(config['Labels'] as object | undefined),
          ...Object.fromEntries(assignments(step.rest, expand)),
        },
      };
    case 'CMD':
      return { ...config, Cmd: commandOf(step.rest) };
    case 'ENTRYPOINT':
      // A new entry point drops the base's command, which was meant for the base's own.
      return { ...config, Entrypoint: commandOf(step.rest), Cmd: null };
    case 'USER':
      return { ...config, User: expand(step.rest) };
    case 'STOPSIGNAL':
      return { ...config, StopSignal: expand(step.rest) };
    case 'EXPOSE': {
      const ports = shellWords(step.rest).map((word) => expand(word));
      return {
        ...config,
        ExposedPorts: withKeys(
          config['ExposedPorts'],
          ports.map((port) => (port.includes('/') ? port : `${port}/tcp`)),
        ),
      };
    }
    case 'VOLUME':
      return {
        ...config,
        Volumes: withKeys(
          config['Volumes'],
          jsonArray(step.rest) ?? shellWords(step.rest).map((word) => expand(word)),
        ),
      };
    case 'MAINTAINER':
      return config;
    default:
      return undefined;
  }
}

/** `NAME=value` lines of a configuration as a map. */
export function environmentOf(config: ProcessConfig): ReadonlyMap<string, string> {
  const lines = Array.isArray(config['Env']) ? config['Env'].filter((line) => typeof line === 'string') : [];
  return new Map(lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]));
}

function withEnvironment(
  before: ReadonlyMap<string, string>,
  added: readonly (readonly [string, string])[],
): readonly string[] {
  return [...new Map([...before, ...added])].map(([name, value]) => `${name}=${value}`);
}

/** `A=1 B="2 3"`, or the old form `A the rest`. */
export function assignments(rest: string, expand: Expand): readonly (readonly [string, string])[] {
  const words = shellWords(rest);
  const first = words[0] ?? '';
  if (!first.includes('=')) return [[expand(first), expand(rest.slice(first.length).trim())]];
  return words.map((word) => {
    const equals = word.indexOf('=');
    return [expand(word.slice(0, equals)), expand(word.slice(equals + 1))] as const;
  });
}

function commandOf(rest: string): readonly string[] {
  return jsonArray(rest) ?? ['/bin/sh', '-c', rest];
}

function withKeys(before: unknown, keys: readonly string[]): Readonly<Record<string, unknown>> {
  return { ...(before as object | undefined), ...Object.fromEntries(keys.map((key) => [key, {}])) };
}
