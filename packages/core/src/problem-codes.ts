/** Every code that a problem can have, with one sentence for the reference documentation. Codes are stable. */
export const problemCodes = {
  INTERNAL: 'A bug in Image Factory.',
  USAGE: 'The command line is wrong.',

  CONFIG_SYNTAX: 'A configuration file is not valid YAML, or larger or more nested than is accepted.',
  CONFIG_UNKNOWN_KEY: 'A configuration file has a key that does not exist.',
  CONFIG_INVALID_VALUE: 'A configuration value has the wrong type or form.',
  CONFIG_DUPLICATE_NAME: 'Two enrolments have the same name.',
  CONFIG_CONFLICT: 'Two configuration values contradict each other, or one is missing beside another.',
  CONFIG_PATH_ESCAPES: 'A path in the configuration leaves the repository.',
  CONFIG_MISSING: 'The factory directory has no images.yaml.',

  DOCKERFILE_INVALID: 'The Dockerfile is one that BuildKit would refuse.',
  DOCKERFILE_MISSING: 'The Dockerfile does not exist at the branch head.',
  DOCKERFILE_UNREADABLE: 'The Dockerfile is binary, too large, or not a regular file in the repository.',

  SOURCE_UNREACHABLE: 'The source repository could not be reached.',
  SOURCE_BRANCH_MISSING: 'The source branch, tag or commit does not exist.',
  SOURCE_DENIED: 'The source repository refused the credentials.',
  SOURCE_PATCH_MISSING: 'A patch of the source is not in the factory directory.',
  SOURCE_PATCH_REFUSED: 'A patch of the source is too large, or does what no patch may do.',
  SOURCE_PATCH_UNFIT: 'A patch does not apply to the source.',

  REGISTRY_UNREACHABLE: 'The registry could not be reached or did not answer in time.',
  REGISTRY_DENIED: 'The registry refused access (401 or 403).',
  REGISTRY_NOT_FOUND: 'The registry has no such repository, tag or digest.',
  REGISTRY_THROTTLED: 'The registry asked us to slow down, or the request budget is used up.',
  REGISTRY_INVALID: 'The registry answered something that is not a valid registry answer.',
  REGISTRY_DIGEST_MISMATCH: 'The registry sent content whose digest is not the one asked for.',
  REGISTRY_BLOCKED: 'The registry pointed at an address that must not be contacted.',
  REGISTRY_TOO_LARGE: 'The registry sent more than is accepted.',

  CREDENTIALS: 'A credential could not be obtained.',

  STATE_CORRUPT: 'A state file cannot be read.',
  STATE_NEWER: 'The state was written by a newer version.',
  STATE_UNREACHABLE: 'The state could not be read or written.',
  STATE_REFUSED: 'The state remote refused the push.',
  STATE_CONTENDED: 'Other writers kept changing the state for too long.',
  STATE_EPOCH: 'The state is owned by another engine or epoch.',

  BUILDER_MISSING: 'No builder is installed.',
  BUILDER_UNSUPPORTED: 'The builder at hand cannot build this Dockerfile.',
  BUILD_FAILED: 'The build ended with an error.',
  BUILD_TIMEOUT: 'The build took longer than allowed.',

  CI_UNREACHABLE: 'The CI system could not be reached, or its answer did not come: a run may exist.',
  CI_DENIED: 'The CI system refused the credentials, or shows nothing to them.',
  CI_REFUSED: 'The CI system refused to start a run, so none exists.',
  RETRY_REFUSED: 'There is no run that can be run again.',
  CI_THROTTLED: 'The CI system asked us to slow down; nothing was started.',
  CI_INVALID: 'The CI system answered something that is not one of its answers.',

  CALL_BACK_REFUSED: 'A call-back is not signed as its provider signs, so nothing in it was believed.',
  CALL_BACK_INVALID:
    'A call-back could not be understood although it is authentic, or is too large to be read.',

  CLUSTER_UNREACHABLE: 'The API server of the cluster could not be reached, or failed.',
  CLUSTER_DENIED:
    'The API server refused: the ServiceAccount, its Role or an admission policy does not allow it.',
  CLUSTER_INVALID:
    'The API server answered something that is not one of its answers, or more than is accepted.',

  REQUEST_IMPOSSIBLE: 'What a request would have to change in a source cannot be changed safely.',
  REQUEST_FOREIGN: 'Somebody else has committed to the branch of a request, so it is left alone.',
  VERSION_FILE: 'The version of an image cannot be written into its file.',

  NOTIFY_FAILED: 'A channel could not be told of news; the next cycle tells it.',

  CLOCK_SKEW: 'The local clock differs from the registries by more than five minutes.',
  NOT_FOUND: 'The image, base or file that was named is not known.',
} as const satisfies Record<string, string>;

export type ProblemCode = keyof typeof problemCodes;
