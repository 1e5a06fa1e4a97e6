import { parseFlags, flagValue } from './flags.ts';
import type { InstructionNode } from './reader.ts';
import { Refusal } from './refusal.ts';

const kinds = {
  interval: 'value',
  timeout: 'value',
  'start-period': 'value',
  'start-interval': 'value',
  retries: 'value',
} as const;

const unitSeconds: Readonly<Record<string, number>> = {
  ns: 1e-9,
  us: 1e-6,
  µs: 1e-6,
  μs: 1e-6,
  ms: 1e-3,
  s: 1,
  m: 60,
  h: 3600,
};

/** Throws INVALID_INSTRUCTION and INVALID_FLAG. `NONE` takes no arguments, and its flags are not even looked at. */
export function checkHealthcheck(node: InstructionNode): void {
  const [type = '', ...command] = node.args;
  if (type.toUpperCase() === 'NONE') {
    if (command.length > 0) throw invalid('HEALTHCHECK NONE takes no arguments');
    return;
  }
  const flags = parseFlags(node.flags, kinds);
  if (type.toUpperCase() !== 'CMD') {
    throw invalid(`Unknown type ${JSON.stringify(type.toUpperCase())} in HEALTHCHECK (try CMD)`);
  }
  if (command.length === 0) throw invalid('Missing command after HEALTHCHECK CMD');
  for (const name of ['interval', 'timeout', 'start-period', 'start-interval']) {
    const text = flagValue(flags, name);
    const seconds = text === '' ? 0 : durationSeconds(text);
    if (seconds === undefined) throw invalid(`time: invalid duration ${JSON.stringify(text)}`);
    if (seconds !== 0 && seconds < 0.001) throw invalid(`Interval "${name}" cannot be less than 1ms`);
  }
  const retries = flagValue(flags, 'retries');
  if (retries !== '' && !/^\+?[0-9]{1,10}$|^-0{1,10}$/.test(retries))
    throw invalid(`invalid --retries: ${retries}`);
  if (Number(retries) > 2 ** 31 - 1) throw invalid(`--retries is out of range: ${retries}`);
}

/** Go's time.ParseDuration: `1m30s`, `500ms`, `0`. */
function durationSeconds(text: string): number | undefined {
  const sign = text.startsWith('-') ? -1 : 1;
  const unsigned = /^[+-]/.test(text) ? text.slice(1) : text;
  if (unsigned === '0') return 0;
  let seconds = 0;
  let index = 0;
  const part = /([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h)/y;
  while (index < unsigned.length) {
    part.lastIndex = index;
    const match = part.exec(unsigned);
    if (!match) return undefined;
    seconds += Number(match[1]) * (unitSeconds[match[2] ?? ''] ?? 0);
    index = part.lastIndex;
  }
  return index === 0 ? undefined : sign * seconds;
}

function invalid(message: string): Refusal {
  return new Refusal('INVALID_INSTRUCTION', message);
}
