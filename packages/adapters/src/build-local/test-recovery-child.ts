import { buildRequest } from '@image-factory/testing/records.ts';
import { createLocalBuilder } from './local-builder.ts';
import { builderOptions } from './test-place.ts';
import { readingRegistry } from './test-registry.ts';
import { dependency, enrolment } from './test-request.ts';

/** A process that starts a build and is killed by its test: `work directory, registry, repository, commit, base, mode`. */
const [workDir = '', host = '', path = '', commit = '', base = '', mode = ''] = process.argv.slice(2);
const registry = readingRegistry(host);
const never = new Promise<never>(() => {});
const builder = await createLocalBuilder(
  builderOptions(workDir, registry, {
    registry:
      mode === 'pushed'
        ? {
            ...registry.port,
            look: async (reference) => {
              const look = await registry.port.look(reference);
              if (reference.path !== 'team/app' || look.kind !== 'digest') return look;
              process.stdout.write('pushed\n');
              return never;
            },
          }
        : registry.port,
  }),
);
const wanted = buildRequest(enrolment(host, {}, { repo: path }), {
  commit,
  dependencies: [dependency(base)],
  key: mode,
});
await builder.start(wanted);
process.stdout.write('started\n');
setInterval(() => {}, 1000);
