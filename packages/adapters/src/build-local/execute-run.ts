import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { BuildRequest } from '@image-factory/core/ports/builder.ts';
import { FactoryError, problemOf } from '@image-factory/core/problem.ts';
import type { Digest } from '@image-factory/core/reference/types.ts';
import { formatDuration } from '@image-factory/core/time.ts';
import { finalBase, manifestAnnotations } from './annotations.ts';
import { findBuildFiles } from './build-files.ts';
import { errorText, openBuildLog, type BuildLog } from './build-log.ts';
import type { BuildJob, BuildTool, Workbench } from './build-tool.ts';
import type { CheckedOut } from './checkout.ts';
import { definedOnly } from './choose-tool.ts';
import { readSteps } from './dockerfile-steps.ts';
import type { LocalBuilderOptions } from './local-builder-options.ts';
import { repositoryOf } from './pin-contexts.ts';
import { runVariable } from './process-identity.ts';
import { digestUnder, findPushed, targetReference } from './pushed.ts';
import { runProcess } from './run-process.ts';
import type { RunRecord } from './run-records.ts';

export interface Execution {
  readonly options: LocalBuilderOptions;
  readonly tool: BuildTool;
  readonly request: BuildRequest;
  readonly record: RunRecord;
  /** Aborted by `cancel`; its reason is thrown. */
  readonly signal: AbortSignal;
}

/** One claimed build from its checkout to the digest read back. Throws FactoryError, or the signal's reason. */
export async function executeRun(execution: Execution): Promise<Digest> {
  const { options, request, record } = execution;
  const log = openBuildLog(record.run.log ?? join(options.logDir, `${record.run.id}.log`), {
    maxBytes: options.logCap ?? 16 * 1024 * 1024,
    secrets: [...(options.secrets ?? []), ...secretArguments(request)],
  });
  const timeout = new AbortController();
  const timer = setTimeout(() => timeout.abort(tooLong(options.timeout)), options.timeout);
  const signal = AbortSignal.any([execution.signal, timeout.signal]);
  let pushing = false;
  try {
    const digest = await buildChecked(execution, log, signal, () => void (pushing = true));
    log.line(`pushed ${record.targets.join(', ')} as ${digest}`);
    return digest;
  } catch (error) {
    if (!signal.aborted && !pushing) throw withLastLines(error, log);
    // The last push may have been complete when the build was ended, or when the connection broke that would have said so.
    const { targets, run } = record;
    const digest = await findPushed(options.registry, targets, run.key, run.attempt, soon()).catch(
      () => undefined,
    );
    if (digest === undefined) throw signal.aborted ? signal.reason : withLastLines(error, log);
    log.line(`ended after its push: ${digest}`);
    return digest;
  } finally {
    clearTimeout(timer);
    if (signal.aborted) log.line(`ended: ${problemOf(signal.reason).message}`);
    log.close();
  }
}

async function buildChecked(
  execution: Execution,
  log: BuildLog,
  signal: AbortSignal,
  pushing: () => void,
): Promise<Digest> {
  const { options, tool, request, record } = execution;
  log.line(
    `${request.image.name}: key ${request.key}, attempt ${request.attempt}, ${tool.name} ${tool.version}`,
  );
  log.line(`reason: ${request.reason}`);
  for (const pin of request.pins) log.line(`pin: ${pin.reference} -> ${pin.digest}`);
  let checkedOut: CheckedOut | undefined;
  const temporary = join(options.workDir, 'tmp');
  await mkdir(temporary, { recursive: true });
  const scratch = await mkdtemp(join(temporary, 'run-'));
  try {
    checkedOut = await options.checkout(request.image.source, request.commit, signal);
    const files = await findBuildFiles(checkedOut.dir, request.image.source, checkedOut.dockerfile);
    const job: BuildJob = {
      id: record.run.id,
      request,
      files,
      steps: readSteps(files.text, request.image.source.dockerfile),
      annotations: manifestAnnotations(request, await baseDigest(execution, log, signal)),
      targets: record.targets,
      timestamp: options.timestamps === 'source' ? checkedOut.committedAt : undefined,
      scratch,
    };
    await tool.check(job);
    const digest = await tool.build(job, workbench(execution, log, signal, pushing));
    await readBack(execution, digest, log);
    return digest;
  } finally {
    await rm(scratch, { recursive: true, force: true });
    await checkedOut?.dispose();
  }
}

function workbench(execution: Execution, log: BuildLog, signal: AbortSignal, pushing: () => void): Workbench {
  const environment = {
    ...definedOnly(execution.options.environment),
    [runVariable]: execution.record.run.id,
  };
  return {
    signal,
    log: (text) => log.line(text),
    pushing,
    async run(command, args, options = {}) {
      log.line(`$ ${command} ${args.join(' ')}`);
      return runProcess({
        command,
        args,
        environment: { ...environment, ...options.environment, [runVariable]: execution.record.run.id },
        signal,
        onOutput(text) {
          log.write(text);
          options.onOutput?.(text);
        },
      });
    },
  };
}

/** The pin, or the digest in the reference, or what the tag says now: for the annotation only. */
async function baseDigest(
  execution: Execution,
  log: BuildLog,
  signal: AbortSignal,
): Promise<string | undefined> {
  const base = finalBase(execution.request.dependencies);
  if (base === undefined) return undefined;
  const pin = execution.request.pins.find((item) => item.reference === base);
  if (pin) return pin.digest;
  if (base.includes('@')) return base.slice(base.indexOf('@') + 1);
  const repository = repositoryOf(base);
  if (repository === base) return undefined;
  return digestUnder(execution.options.registry, targetReference(base), signal).catch((error: unknown) => {
    log.line(`the digest of ${base} is not known: ${problemOf(error).message}`);
    return undefined;
  });
}

/** The registry must say what the builder said. One that does not answer now has acknowledged the push already. */
async function readBack(execution: Execution, digest: Digest, log: BuildLog): Promise<void> {
  for (const target of execution.record.targets) {
    let found: Digest | undefined;
    try {
      found = await digestUnder(execution.options.registry, targetReference(target), soon());
    } catch (error) {
      log.line(`${target} was not read back: ${problemOf(error).message}`);
      continue;
    }
    if (found === digest) continue;
    throw new FactoryError({
      code: 'BUILD_FAILED',
      message: `expected ${target} at ${digest} after the push, got ${found ?? 'no such tag'}`,
      hint: 'Something else moves the same tag: give every image its own tags.',
    });
  }
}

/** What is asked after the push is not worth much waiting. */
function soon(): AbortSignal {
  return AbortSignal.timeout(30_000);
}

function withLastLines(error: unknown, log: BuildLog): unknown {
  if (!(error instanceof FactoryError) || error.problem.code !== 'BUILD_FAILED') {
    log.line(`failed: ${problemOf(error).message}`);
    return error;
  }
  const last = errorText(log.tail());
  log.line(`failed: ${error.problem.message}`);
  return new FactoryError(
    { ...error.problem, message: last === '' ? error.problem.message : `${error.problem.message}\n${last}` },
    { cause: error },
  );
}

/** Build arguments that are secrets by their names; they should not be there, but they must not be in the log too. */
function secretArguments(request: BuildRequest): readonly string[] {
  return Object.entries(request.image.source.buildArgs).flatMap(([name, value]) =>
    /token|secret|passw|credential|private|api_?key/i.test(name) ? [value] : [],
  );
}

function tooLong(timeout: number): FactoryError {
  return new FactoryError({
    code: 'BUILD_TIMEOUT',
    message: `the build took longer than ${formatDuration(timeout)} and was ended`,
    hint: 'Raise limits.buildTimeout in factory.yaml, or make the build faster.',
  });
}
