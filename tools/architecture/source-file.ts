import { parseSync } from 'oxc-parser';

export interface Import {
  readonly specifier: string;
  readonly typeOnly: boolean;
  readonly line: number;
}

/** A global that was read, by its name or by the member that was taken: `process`, `Date.now`, `new Date()`. */
export interface GlobalUse {
  readonly name: string;
  readonly line: number;
}

export interface SourceFile {
  /** Relative to the repository, with forward slashes. */
  readonly path: string;
  readonly lines: number;
  readonly isTest: boolean;
  readonly imports: readonly Import[];
  readonly globals: readonly GlobalUse[];
  /** Every string literal outside imports. */
  readonly strings: ReadonlySet<string>;
}

interface SyntaxNode {
  readonly type: string;
  readonly start: number;
  readonly [key: string]: unknown;
}

const typeNodes = /^TS(TypeAnnotation|TypeParameter|InterfaceDeclaration|TypeAliasDeclaration)/;
const keyedNodes = /^(Property|PropertyDefinition|MethodDefinition|AccessorProperty)$/;

/** Reads one file; throws if it does not parse. */
export function readSource(path: string, text: string): SourceFile {
  const parsed = parseSync(path, text);
  const mistake = parsed.errors[0];
  if (mistake) throw new Error(`${path}: does not parse: ${mistake.message}`);
  const imports: Import[] = [];
  const names: GlobalUse[] = [];
  const bound = new Set<string>();
  const strings = new Set<string>();
  const lineStarts = startsOfLines(text);

  function visit(node: SyntaxNode, parent: SyntaxNode | undefined, role: string, inType: boolean): void {
    const line = lineAt(lineStarts, node.start);
    const found = importOf(node);
    if (found) imports.push({ ...found, line });
    if (node.type === 'Literal' && typeof node['value'] === 'string' && role !== 'source')
      strings.add(node['value']);
    const isType = inType || typeNodes.test(node.type);
    const name = isType || !parent ? undefined : globalName(node, parent, role);
    if (name !== undefined) names.push({ name, line });
    for (const pattern of patternsOf(node)) addBoundNames(pattern, bound);
    for (const [key, value] of Object.entries(node)) {
      for (const child of Array.isArray(value) ? value : [value]) {
        if (isNode(child)) visit(child, node, key, isType);
      }
    }
  }

  if (isNode(parsed.program)) visit(parsed.program, undefined, '', false);
  // A file that gives a name of its own to something means that one, wherever it stands in the file.
  const globals = names.filter((use) => !bound.has(use.name));
  return { path, lines: countLines(text), isTest: isTestFile(path), imports, globals, strings };
}

/** Tests, suites that tests of several implementations run, and what stands beside tests for them alone: `test-*`. */
export function isTestFile(path: string): boolean {
  return /(\.(test|contract)|(^|\/)test-[^/]+)\.m?[jt]s$/.test(path);
}

function importOf(node: SyntaxNode): { specifier: string; typeOnly: boolean } | undefined {
  if (
    !/^(ImportDeclaration|ExportNamedDeclaration|ExportAllDeclaration|ImportExpression|TSImportType)$/.test(
      node.type,
    )
  ) {
    return undefined;
  }
  const source = node['source'];
  if (!isNode(source) || typeof source['value'] !== 'string') return undefined;
  const kind = node['importKind'] ?? node['exportKind'];
  const specifiers = Array.isArray(node['specifiers']) ? node['specifiers'].filter(isNode) : [];
  const allTypes =
    specifiers.length > 0 &&
    specifiers.every((each) => (each['importKind'] ?? each['exportKind']) === 'type');
  return {
    specifier: source['value'],
    typeOnly: kind === 'type' || node.type === 'TSImportType' || allTypes,
  };
}

/** The name of the global that an identifier stands for, unless it is a mere key, member or part of a larger name. */
function globalName(node: SyntaxNode, parent: SyntaxNode, role: string): string | undefined {
  if (node.type !== 'Identifier' || typeof node['name'] !== 'string') return undefined;
  const name = node['name'];
  const computed = parent['computed'] === true;
  if (parent.type === 'MemberExpression') {
    if (role === 'property' && !computed) return undefined;
    return role === 'object' ? memberName(name, parent) : name;
  }
  if (keyedNodes.test(parent.type) && role === 'key' && !computed) return undefined;
  if (/^(Import|Export).*Specifier$/.test(parent.type)) return undefined;
  if (name !== 'Date') return name;
  if (parent.type === 'CallExpression' && role === 'callee') return 'new Date()';
  const isEmptyNew =
    parent.type === 'NewExpression' && Array.isArray(parent['arguments']) && parent['arguments'].length === 0;
  return isEmptyNew ? 'new Date()' : name;
}

/** The patterns in which a node binds names. */
function patternsOf(node: SyntaxNode): SyntaxNode[] {
  if (node.type === 'VariableDeclarator') return [node['id']].filter(isNode);
  if (/^Import(Default|Namespace)?Specifier$/.test(node.type)) return [node['local']].filter(isNode);
  if (!/Function/.test(node.type) || !Array.isArray(node['params'])) return [];
  return node['params'].filter(isNode);
}

function addBoundNames(pattern: SyntaxNode, bound: Set<string>): void {
  if (pattern.type === 'Identifier' && typeof pattern['name'] === 'string') bound.add(pattern['name']);
  const parts = [pattern['argument'], pattern['left'], pattern['elements'], pattern['properties']].flat();
  for (const part of parts) {
    if (!isNode(part)) continue;
    const value = part.type === 'Property' ? part['value'] : part;
    if (isNode(value)) addBoundNames(value, bound);
  }
}

/** `Date.now` for the members of Date and Math, the object alone for all others. */
function memberName(name: string, parent: SyntaxNode): string {
  if (name !== 'Date' && name !== 'Math') return name;
  const property = parent['property'];
  if (!isNode(property)) return name;
  const member = property['name'] ?? property['value'];
  return typeof member === 'string' ? `${name}.${member}` : name;
}

function isNode(value: unknown): value is SyntaxNode {
  return typeof value === 'object' && value !== null && 'type' in value && 'start' in value;
}

function startsOfLines(text: string): number[] {
  const starts = [0];
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return starts;
}

function lineAt(starts: readonly number[], offset: number): number {
  let low = 0;
  let high = starts.length;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if ((starts[middle] ?? 0) <= offset) low = middle;
    else high = middle;
  }
  return low + 1;
}

function countLines(text: string): number {
  return text.split('\n').length - (text.endsWith('\n') ? 1 : 0);
}
