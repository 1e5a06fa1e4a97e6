import { isAsciiSpace, isBlank, splitBlanks } from './characters.ts';
import { Refusal } from './refusal.ts';
import type { Escape } from './word-lexer.ts';
import { parseJsonArray, splitQuotedWords } from './words.ts';

/** The arguments of an instruction, before anything checks their number or meaning. */
export interface Arguments {
  readonly args: readonly string[];
  readonly json: boolean;
}

const none: Arguments = { args: [], json: false };
/** What BuildKit's parser leaves of an instruction that it does not know. */
const ignored: Arguments = { args: [''], json: false };

/** Splits the rest of a line as its instruction wants it. Throws INVALID_INSTRUCTION. Rule: research "dockerfile", section 6. */
export function argumentsOf(keyword: string, rest: string, escape: Escape): Arguments {
  switch (keyword) {
    case 'from':
    case 'expose':
      return blankSeparated(rest);
    case 'run':
    case 'cmd':
    case 'entrypoint':
    case 'shell':
      return rest === '' ? none : (jsonArguments(rest) ?? { args: [rest], json: false });
    case 'copy':
    case 'add':
    case 'volume':
      return jsonArguments(rest) ?? blankSeparated(rest);
    case 'arg':
      return { args: splitQuotedWords(rest, escape).map((word) => word.text), json: false };
    case 'env':
      return namesAndValues('ENV', rest, escape);
    case 'label':
      return namesAndValues('LABEL', rest, escape);
    case 'maintainer':
    case 'stopsignal':
    case 'user':
    case 'workdir':
      return rest === '' ? none : { args: [rest], json: false };
    case 'healthcheck':
      return healthcheckArguments(rest);
    default:
      return ignored;
  }
}

function blankSeparated(rest: string): Arguments {
  return rest === '' ? none : { args: splitBlanks(rest), json: false };
}

function jsonArguments(rest: string): Arguments | undefined {
  const args = parseJsonArray(rest);
  return args === undefined ? undefined : { args, json: true };
}

/** `name=value ...` or the old `name value`: threes of name, value and separator. */
function namesAndValues(command: string, rest: string, escape: Escape): Arguments {
  const words = splitQuotedWords(rest, escape);
  const [first] = words;
  if (first === undefined) return none;
  if (!first.text.includes('=')) {
    const [name = '', ...others] = splitBlanks(rest);
    if (others.length === 0) throw new Refusal('INVALID_INSTRUCTION', `${command} must have two arguments`);
    let start = name.length;
    while (start < rest.length && isBlank(rest.charCodeAt(start))) start += 1;
    return { args: [name, rest.slice(start), ''], json: false };
  }
  const args: string[] = [];
  for (const { text } of words) {
    const equals = text.indexOf('=');
    if (equals === -1) {
      throw new Refusal(
        'INVALID_INSTRUCTION',
        `Syntax error - can't find = in ${JSON.stringify(text)}. Must be of the form: name=value`,
      );
    }
    args.push(text.slice(0, equals), text.slice(equals + 1), '=');
  }
  return { args, json: false };
}

/** The first word, then what `CMD` itself would make of the rest. */
function healthcheckArguments(rest: string): Arguments {
  let end = 0;
  while (end < rest.length && !isAsciiSpace(rest.charCodeAt(end))) end += 1;
  if (end === 0) return none;
  const type = rest.slice(0, end);
  let start = end;
  while (start < rest.length && isAsciiSpace(rest.charCodeAt(start))) start += 1;
  const command = rest.slice(start);
  if (command === '') return { args: [type], json: false };
  const json = jsonArguments(command);
  return json ? { args: [type, ...json.args], json: true } : { args: [type, command], json: false };
}
