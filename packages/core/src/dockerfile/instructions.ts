import type { Command, NameValue, Transfer } from './commands.ts';
import { parseFlags, flagValue, type FlagKinds, type Flags } from './flags.ts';
import { checkHealthcheck } from './healthcheck.ts';
import { parseHeredoc, type HeredocStart } from './heredocs.ts';
import { parseMountSource } from './mounts.ts';
import { parseCsvRecord } from './csv.ts';
import { trimSpace } from './characters.ts';
import type { InstructionNode } from './reader.ts';
import { Refusal } from './refusal.ts';

const noFlags: FlagKinds = {};
const fromFlags: FlagKinds = { platform: 'value' };
const copyFlags: FlagKinds = {
  chown: 'value',
  from: 'value',
  chmod: 'value',
  link: 'boolean',
  exclude: 'values',
  parents: 'boolean',
};
const addFlags: FlagKinds = {
  chown: 'value',
  chmod: 'value',
  link: 'boolean',
  'keep-git-dir': 'boolean',
  checksum: 'value',
  unpack: 'boolean',
  exclude: 'values',
};
const runFlags: FlagKinds = { device: 'values', mount: 'values', network: 'value', security: 'value' };

/**
 * Turns one instruction into a typed command: known word, number of arguments, flags, names. Nothing is expanded yet.
 * The checks stand in BuildKit's order, because the first error decides. Rule: research "dockerfile", sections 2 and 18.
 */
export function toCommand(node: InstructionNode): Command {
  const { keyword, args } = node;
  switch (keyword) {
    case 'from':
      return toFrom(node);
    case 'run':
      return toRun(node);
    case 'copy':
      return toCopy(node);
    case 'add':
      return toAdd(node);
    case 'arg':
      return { kind: 'arg', node, pairs: toArgPairs(args) };
    case 'env':
    case 'label':
      parseFlags(node.flags, noFlags);
      return { kind: keyword, node, pairs: toPairs(keyword, args) };
    case 'workdir':
    case 'user':
      requireOne(node);
      parseFlags(node.flags, noFlags);
      return { kind: keyword, node, value: args[0] ?? '' };
    case 'stopsignal':
      requireOne(node);
      return { kind: keyword, node, value: args[0] ?? '' };
    case 'expose':
    case 'volume':
      requireSome(node);
      parseFlags(node.flags, noFlags);
      return { kind: keyword, node, values: keyword === 'volume' ? toVolumes(args) : args };
    case 'onbuild':
      return toOnbuild(node);
    default:
      checkOther(node);
      return { kind: 'other', node };
  }
}

/** Instructions that name nothing and expand nothing. */
function checkOther(node: InstructionNode): void {
  switch (node.keyword) {
    case 'maintainer':
      requireOne(node);
      parseFlags(node.flags, noFlags);
      return;
    case 'cmd':
    case 'entrypoint':
      parseFlags(node.flags, noFlags);
      return;
    case 'shell':
      parseFlags(node.flags, noFlags);
      if (node.args.length === 0 || (!node.json && node.args[0] === '')) requireSome(node);
      if (!node.json) throw invalid('SHELL requires the arguments to be in JSON form');
      return;
    case 'healthcheck':
      requireSome(node);
      checkHealthcheck(node);
      return;
    default:
      throw new Refusal('UNKNOWN_INSTRUCTION', `unknown instruction: ${node.command}`);
  }
}

function toFrom(node: InstructionNode): Command {
  const [base = '', as = '', name = ''] = node.args;
  const named = node.args.length === 3 && as.toUpperCase() === 'AS';
  if (!named && node.args.length !== 1) {
    throw new Refusal('FROM_ARGS', 'FROM requires either one or three arguments');
  }
  const stageName = named ? name.toLowerCase() : '';
  if (named && !/^[a-z][a-z0-9\-_.]*$/.test(stageName)) {
    throw new Refusal(
      'INVALID_STAGE_NAME',
      `invalid name for build stage: ${JSON.stringify(name)}, name can't start with a number or contain symbols`,
    );
  }
  const flags = parseFlags(node.flags, fromFlags);
  return { kind: 'from', node, base, name: stageName, platform: flagValue(flags, 'platform') };
}

function toRun(node: InstructionNode): Command {
  const flags = parseFlags(node.flags, runFlags);
  for (const device of flags.get('device') ?? []) checkDevice(device.value);
  const mounts = (flags.get('mount') ?? []).map((flag) => ({ flag, from: parseMountSource(flag.value) }));
  const network = flags.get('network')?.[0]?.value ?? 'default';
  if (!['default', 'none', 'host'].includes(network))
    throw invalid(`invalid network mode ${JSON.stringify(network)}`);
  const security = flags.get('security')?.[0]?.value ?? 'sandbox';
  if (!['insecure', 'sandbox'].includes(security))
    throw invalid(`security ${JSON.stringify(security)} is not valid`);
  return { kind: 'run', node, mounts };
}

function checkDevice(value: string): void {
  const fields = parseCsvRecord(value);
  if (fields === undefined) throw invalid('failed to parse csv devices');
  let name = '';
  for (const field of fields) {
    const equals = field.indexOf('=');
    const key = (equals === -1 ? field : field.slice(0, equals)).toLowerCase();
    if (key === 'required') {
      if (
        equals !== -1 &&
        !/^(?:1|t|T|true|TRUE|True|0|f|F|false|FALSE|False)$/.test(field.slice(equals + 1))
      ) {
        throw invalid(`invalid value for required: ${field.slice(equals + 1)}`);
      }
    } else if (name !== '') {
      throw invalid(key === 'name' ? `device name already set to ${name}` : `unexpected field '${field}'`);
    } else {
      name = key === 'name' && equals !== -1 ? field.slice(equals + 1) : field;
    }
  }
}

function toCopy(node: InstructionNode): Command {
  requireTwo(node);
  const flags = parseFlags(node.flags, copyFlags);
  const from = flags.get('from')?.[0];
  return {
    kind: 'copy',
    node,
    transfer: toTransfer(node, flags),
    from: from?.value === '' ? undefined : from,
  };
}

function toAdd(node: InstructionNode): Command {
  requireTwo(node);
  const flags = parseFlags(node.flags, addFlags);
  return { kind: 'add', node, transfer: toTransfer(node, flags), checksum: flagValue(flags, 'checksum') };
}

function toTransfer(node: InstructionNode, flags: Flags): Transfer {
  const destination = node.args.at(-1) ?? '';
  if (heredocOf(destination)) throw invalid(`${node.command} cannot accept a heredoc as a destination`);
  const contents = new Map(node.heredocs.map(({ name, content }) => [name, content]));
  const sources: string[] = [];
  const expandedContents: string[] = [];
  for (const source of node.args.slice(0, -1)) {
    const heredoc = heredocOf(source);
    if (heredoc === undefined) sources.push(source);
    else if (heredoc.expand) {
      const content = contents.get(heredoc.name) ?? '';
      expandedContents.push(heredoc.chomp ? content.replace(/^\t+/gm, '') : content);
    }
  }
  const [chown, chmod] = [flagValue(flags, 'chown'), flagValue(flags, 'chmod')];
  return { sources, destination, expandedContents, chown, chmod };
}

/** A word that looks like a heredoc but cannot be lexed is an ordinary path. */
function heredocOf(word: string): HeredocStart | undefined {
  if (!word.includes('<<')) return undefined;
  try {
    return parseHeredoc(word);
  } catch (thrown) {
    if (thrown instanceof Refusal) return undefined;
    throw thrown;
  }
}

function toArgPairs(args: readonly string[]): NameValue[] {
  if (args.length === 0) throw invalid('ARG requires at least one argument');
  return args.map((arg) => {
    const equals = arg.indexOf('=');
    if (equals === 0) throw invalid('ARG names can not be blank');
    return equals === -1
      ? { name: arg, value: undefined }
      : { name: arg.slice(0, equals), value: arg.slice(equals + 1) };
  });
}

function toPairs(keyword: string, args: readonly string[]): NameValue[] {
  const command = keyword.toUpperCase();
  if (args.length === 0) throw invalid(`${command} requires at least one argument`);
  const pairs: NameValue[] = [];
  for (let index = 0; index < args.length; index += 3) {
    const name = args[index] ?? '';
    if (name === '') throw invalid(`${command} names can not be blank`);
    pairs.push({ name, value: args[index + 1] ?? '' });
  }
  return pairs;
}

function toVolumes(args: readonly string[]): string[] {
  return args.map((arg) => {
    const volume = trimSpace(arg);
    if (volume === '') throw invalid('VOLUME specified can not be an empty string');
    return volume;
  });
}

function toOnbuild(node: InstructionNode): Command {
  const { trigger } = node;
  if (trigger === undefined) throw invalid('ONBUILD requires at least one argument');
  parseFlags(node.flags, noFlags);
  if (trigger.keyword === 'onbuild') {
    throw new Refusal('INVALID_ONBUILD', "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed");
  }
  if (trigger.keyword === 'from' || trigger.keyword === 'maintainer') {
    throw new Refusal(
      'INVALID_ONBUILD',
      `${trigger.command.toUpperCase()} isn't allowed as an ONBUILD trigger`,
    );
  }
  const heredocs = node.heredocs.map(({ content, name }) => `\n${content}${name}`).join('');
  return { kind: 'onbuild', node, trigger: node.original.replace(/^\s*onbuild\s*/i, '') + heredocs };
}

function requireSome(node: InstructionNode): void {
  if (node.args.length === 0) throw invalid(`${node.keyword.toUpperCase()} requires at least one argument`);
}

function requireOne(node: InstructionNode): void {
  if (node.args.length !== 1) throw invalid(`${node.keyword.toUpperCase()} requires exactly one argument`);
}

function requireTwo(node: InstructionNode): void {
  if (node.args.length >= 2) return;
  throw invalid(
    `${node.keyword.toUpperCase()} requires at least two arguments, but only one was provided. ` +
      'Destination could not be determined',
  );
}

function invalid(message: string): Refusal {
  return new Refusal('INVALID_INSTRUCTION', message);
}
