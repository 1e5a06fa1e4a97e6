import { parseDigest } from '../reference/digest.ts';
import { expandWords } from './expand.ts';
import { parseInteger } from './characters.ts';
import { Refusal } from './refusal.ts';
import type { Escape, Scope } from './word-lexer.ts';

/*
 * What BuildKit finds wrong only when it executes a stage, after expansion. All are INVALID_INSTRUCTION.
 */

const signals = new Set(
  (
    'ABRT ALRM BUS CHLD CLD CONT FPE HUP ILL INT IO IOT KILL PIPE POLL PROF PWR QUIT SEGV STKFLT STOP SYS TERM ' +
    'TRAP TSTP TTIN TTOU URG USR1 USR2 VTALRM WINCH XCPU XFSZ RTMIN RTMAX'
  ).split(' '),
);

/** A number that is not 0, or a Linux signal's name with or without `SIG`. */
export function checkStopSignal(signal: string): void {
  const number = parseInteger(signal);
  if (number !== undefined ? number !== 0 : isSignalName(signal.toUpperCase().replace(/^SIG/, ''))) return;
  throw invalid(`invalid signal: ${signal}`);
}

function isSignalName(name: string): boolean {
  return signals.has(name) || /^RTM(?:IN\+([1-9]|1[0-5])|AX-([1-9]|1[0-4]))$/.test(name);
}

/** Each word may become several ports, or none. */
export function checkExpose(values: readonly string[], scope: Scope, escape: Escape): void {
  const ports = values.flatMap((value) => expandWords(value, scope, escape));
  for (const port of ports) {
    if (!isPortSpecification(port)) throw invalid(`invalid port: ${JSON.stringify(port)}`);
  }
}

/** `[ip:][host:]container[/protocol]`, where ports may be ranges. */
function isPortSpecification(text: string): boolean {
  const parts = text.split(':');
  const container = parts.at(-1) ?? '';
  const host = parts.at(-2) ?? '';
  const address = parts.slice(0, -2).join(':');
  const slash = container.indexOf('/');
  const protocol = slash === -1 ? '' : container.slice(slash + 1).toLowerCase();
  if (!['', 'tcp', 'udp', 'sctp'].includes(protocol)) return false;
  if (address !== '' && !isAddress(address.replace(/^\[([^[\]]*)\]$/, '$1'))) return false;
  const range = portRange(slash === -1 ? container : container.slice(0, slash));
  if (range === undefined) return false;
  if (host === '') return true;
  const hostRange = portRange(host);
  return hostRange !== undefined && (range === 0 || range === hostRange);
}

/** How many ports the range has beyond its first. */
function portRange(text: string): number | undefined {
  const dash = text.indexOf('-');
  const start = portNumber(dash === -1 ? text : text.slice(0, dash));
  const end = dash === -1 ? start : portNumber(text.slice(dash + 1));
  if (start === undefined || end === undefined || end < start) return undefined;
  return end - start;
}

function portNumber(text: string): number | undefined {
  const number = parseInteger(text);
  return number !== undefined && number >= 0 && number <= 65_535 ? number : undefined;
}

function isAddress(text: string): boolean {
  if (text.includes(':')) return /^[0-9a-fA-F:.]{2,45}$/.test(text);
  const bytes = text.split('.');
  return (
    bytes.length === 4 && bytes.every((byte) => /^(?:0|[1-9][0-9]{0,2})$/.test(byte) && Number(byte) < 256)
  );
}

export function checkTransfer(transfer: {
  readonly command: 'COPY' | 'ADD';
  readonly sources: readonly string[];
  readonly chown: string;
  readonly chmod: string;
  readonly checksum: string;
}): void {
  const { command, sources, chmod, checksum } = transfer;
  if (chmod !== '' && !isFileMode(chmod)) throw invalid(`invalid chmod parameter: '${chmod}'`);
  if (checksum !== '') checkChecksum(sources, checksum);
  for (const source of sources) {
    if (command === 'COPY' && isRemote(source)) throw invalid("source can't be a URL or a git ref for COPY");
  }
}

function checkChecksum(sources: readonly string[], checksum: string): void {
  const [source] = sources;
  if (source === undefined || sources.length !== 1)
    throw invalid("checksum can't be specified for multiple sources");
  if (!isRemote(source)) throw invalid('checksum requires HTTP(S) or Git sources');
  if (isGit(source)) return;
  const digest = parseDigest(checksum);
  if (!digest.ok) throw invalid(digest.error);
}

function isRemote(source: string): boolean {
  return /^https?:\/\//.test(source) || isGit(source);
}

function isGit(source: string): boolean {
  if (/^https?:\/\//.test(source)) return /\.git(?:[#?]|$)/.test(source);
  return /^(?:git|ssh):\/\//.test(source) || /^[A-Za-z0-9_.-]+@[A-Za-z0-9_.-]+:(?!\/\/)/.test(source);
}

/** Octal up to 07777, or symbolic: `u=rwX,go=rX`. */
function isFileMode(text: string): boolean {
  if (/^[0-9]/.test(text)) return /^[0-7]{1,32}$/.test(text) && Number.parseInt(text, 8) <= 0o7777;
  return /^[ugoa]*(?:[-+=](?:[rwxXst]*|[ugo]))+(?:,[ugoa]*(?:[-+=](?:[rwxXst]*|[ugo]))+)*$/.test(text);
}

function invalid(message: string): Refusal {
  return new Refusal('INVALID_INSTRUCTION', message);
}
