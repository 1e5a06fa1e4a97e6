import type { RunInputs } from '../rebuild/run-inputs.ts';

/** What each input of a run is, in a line. */
const about: Readonly<Record<keyof RunInputs, string>> = {
  factory_key: 'Build key; empty where a person starts the build',
  factory_attempt: 'Which try of the key this is',
  factory_image: 'Name of the image in images.yaml',
  factory_reason: 'Why it is built',
  factory_commit: 'Commit that the decision was made on; empty: the head of the branch',
  factory_pins: 'Approved digests, as JSON',
  factory_build_contexts: 'Approved bases, one name=docker-image://repository@digest a line',
  factory_build_flags: 'The same as flags for docker buildx build',
  factory_build_args: 'Approved bases that are taken by argument, one NAME=reference@digest a line',
};

export const factoryInputs = Object.entries(about).map(([name, text]) => ({
  name: name as keyof RunInputs,
  about: text,
}));
