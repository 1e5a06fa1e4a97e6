import { defaultGitState, defaultSettings } from './default-settings.ts';
import type { Settings } from './types.ts';
import { quickYaml } from './yaml-quick.ts';

/**
 * Where the state is kept, told from the text of a factory.yaml that says nothing special about it: for commands that
 * only look at the state, and need not wait for schemas. Undefined: the whole reader must tell.
 */
export function quickStatePlace(factory: string | undefined): Settings['state'] | undefined {
  if (factory === undefined) return defaultSettings.state;
  const root = quickYaml(factory)?.root;
  if (!isMapping(root)) return undefined;
  const { state = {} } = root;
  if (!isMapping(state) || Object.keys(state).some((key) => key !== 'mode')) return undefined;
  const { mode = defaultSettings.state.mode } = state;
  if (mode === 'directory') return { mode };
  if (mode !== 'git') return undefined;
  return { mode, ...defaultGitState, remote: undefined, signingKey: undefined, tokenEnv: undefined };
}

function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
