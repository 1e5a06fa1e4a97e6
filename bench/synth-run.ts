// Generates what Kargo needs for a factory of so many images, in a process of its own, and prints the times of its parts.
//
//   node bench/synth-run.ts COUNT [cdk8s]
//
// With cdk8s every manifest goes through an ApiObject.
import { defaultGitState, defaultSettings } from '@image-factory/core/enrolment/default-settings.ts';
import { defaultKargo } from '@image-factory/core/enrolment/kargo-settings.ts';
import {
  baseRecord,
  enrolment,
  externalEnrolment,
  imageRecord,
  stateOf,
} from '@image-factory/testing/records.ts';
import { yamlDocuments } from '@image-factory/kargo/constructs/yaml-text.ts';
import { synth } from '@image-factory/kargo/synth/synth.ts';
import { validateManifests } from '@image-factory/kargo/validate/validate-manifests.ts';
import type { SynthTimes } from './synth.bench.ts';

const count = Number(process.argv[2]);
const withCdk8s = process.argv[3] === 'cdk8s';

const basesPerImages = 10;
const externals = Math.ceil(count / 20);
const names = Array.from(
  { length: count - externals },
  (_, index) => `image-${String(index).padStart(5, '0')}`,
);
const config = {
  settings: {
    ...defaultSettings,
    engine: 'kargo',
    state: {
      mode: 'git',
      ...defaultGitState,
      remote: 'https://git.example.com/acme/factory.git',
      signingKey: undefined,
      tokenEnv: undefined,
    },
    kargo: { ...defaultKargo, image: `registry.example.com/image-factory@sha256:${'0'.repeat(64)}` },
  },
  images: [
    ...names.map((name) =>
      enrolment({
        name,
        source: { provider: 'github', repo: `acme/${name}`, branch: 'main', context: 'app' },
      }),
    ),
    ...Array.from({ length: externals }, (_, index) => externalEnrolment({ name: `external-${index}` })),
  ],
} as const;
const state = stateOf({
  images: [
    ...names.map((name, index) => imageRecord({ name, baseImages: [`library-${index % basesPerImages}`] })),
    ...Array.from({ length: externals }, (_, index) =>
      imageRecord({
        name: `external-${index}`,
        discoveryStatus: 'external',
        repoURL: 'docker.io/library/postgres',
        allowTags: '^16[.0-9]*$',
      }),
    ),
  ],
  bases: Array.from({ length: Math.ceil(count / basesPerImages) }, (_, index) =>
    baseRecord({ name: `library-${index}`, repository: `library/base-${index}`, tag: '1' }),
  ),
});

const began = performance.now();
const { manifests } = synth({ config, state });
const synthesized = performance.now();
let bytes = 0;
if (withCdk8s) {
  const [{ App, ApiObject, Chart }, { yamlOf }] = await Promise.all([
    import('cdk8s'),
    import('@image-factory/kargo/constructs/collect.ts'),
  ]);
  const chart = new Chart(new App(), 'factory');
  for (const manifest of manifests)
    new ApiObject(chart, `${manifest.kind}-${manifest.metadata.name}`, { ...manifest });
  bytes = Buffer.byteLength(yamlOf(chart));
} else {
  // As the command does it: one document at a time.
  for (const document of yamlDocuments(manifests)) bytes += Buffer.byteLength(document);
}
const written = performance.now();
const errors = validateManifests(manifests).length;
const validated = performance.now();
if (errors > 0) throw new Error(`${errors} findings`);
const times: SynthTimes = {
  resources: manifests.length,
  bytes,
  synth: synthesized - began,
  write: written - synthesized,
  validate: validated - written,
};
console.log(JSON.stringify(times));
