import { Ajv, type ValidateFunction } from 'ajv';
import { githubDescription, type Operation } from './github-answers.ts';
import type { ForgeHandler, ForgeReply, ForgeCall } from './serve-forge.ts';

/**
 * A handler whose requests and answers are held against GitHub's published description: `mistakes` says where they
 * differ. Answers with an error are GitHub's own words and not described for every operation.
 */
export function checkedAgainstDescription(handle: ForgeHandler): {
  readonly handle: ForgeHandler;
  readonly mistakes: string[];
  /** Operations that were asked, with the statuses of their answers. */
  readonly seen: Set<string>;
} {
  const description = githubDescription();
  const ajv = new Ajv({ strict: false, validateFormats: false, allErrors: true });
  ajv.addSchema({ $id: 'github', ...(nullsAsTypes(description) as object) });
  const compiled = new Map<string, ValidateFunction | undefined>();
  const mistakes: string[] = [];
  const seen = new Set<string>();

  function check(pointer: readonly string[], value: unknown, what: string): void {
    const ref = `github#/${pointer.map((part) => encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1'))).join('/')}`;
    if (!compiled.has(ref)) compiled.set(ref, ajv.compile({ $ref: ref }));
    const validate = compiled.get(ref);
    if (validate && !validate(value)) mistakes.push(`${what}: ${ajv.errorsText(validate.errors)}`);
  }

  const operations = Object.entries(description.paths).map(([path, methods]) => ({
    path,
    pattern: new RegExp(`^${path.replaceAll(/\{\w+\}/g, (name) => (name === '{ref}' ? '.+' : '[^/]+'))}$`),
    methods,
  }));

  function checkRequest(request: ForgeCall, path: string, method: string, operation: Operation): void {
    const what = `${method} ${path}`;
    for (const name of request.query.keys()) {
      const known = (operation.parameters ?? []).some((parameter) => nameOf(parameter) === name);
      if (!known) mistakes.push(`${what}: no parameter ${name}`);
    }
    if (!operation.requestBody || request.body === '') return;
    const body = JSON.parse(request.body) as Readonly<Record<string, unknown>>;
    check(
      ['paths', path, method, 'requestBody', 'content', 'application/json', 'schema'],
      body,
      `${what}, body`,
    );
    const { properties = {} } = operation.requestBody.content['application/json']?.schema ?? {};
    for (const name of Object.keys(body)) {
      if (!Object.hasOwn(properties, name)) mistakes.push(`${what}, body: no field ${name}`);
    }
  }

  function checkReply(reply: ForgeReply, path: string, method: string, operation: Operation): void {
    const what = `${method} ${path} ${reply.status}`;
    seen.add(what);
    if (reply.status >= 300) return;
    const described = operation.responses[String(reply.status)] as
      | { readonly content?: Readonly<Record<string, unknown>> }
      | undefined;
    if (!described) mistakes.push(`${what}: no such answer`);
    else if (!described.content) {
      if (reply.body !== undefined) mistakes.push(`${what}: an answer without a body`);
    } else {
      check(
        ['paths', path, method, 'responses', String(reply.status), 'content', 'application/json', 'schema'],
        reply.body,
        what,
      );
    }
  }

  function nameOf({ name, $ref }: NonNullable<Operation['parameters']>[number]): string | undefined {
    if (name !== undefined || $ref === undefined) return name;
    return description.components.parameters[$ref.split('/').at(-1) ?? '']?.name;
  }

  return {
    mistakes,
    seen,
    async handle(request) {
      const method = request.method.toLowerCase();
      const found = operations.find(({ pattern, methods }) => pattern.test(request.path) && methods[method]);
      const operation = found?.methods[method];
      if (!found || !operation) mistakes.push(`${request.method} ${request.path}: no such operation`);
      else checkRequest(request, found.path, method, operation);
      const reply = await handle(request);
      if (reply !== 'lost' && found && operation) checkReply(reply, found.path, method, operation);
      return reply;
    },
  };
}

/** OpenAPI 3.0 says `nullable` beside whatever else; JSON Schema knows `null` as a type of its own. */
function nullsAsTypes(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(nullsAsTypes);
  if (typeof value !== 'object' || value === null) return value;
  const { nullable, ...rest } = Object.fromEntries(
    Object.entries(value).map(([key, each]) => [key, nullsAsTypes(each)]),
  );
  return nullable === true ? { anyOf: [{ type: 'null' }, rest] } : rest;
}
