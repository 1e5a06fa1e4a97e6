import { buildOptions, versionOptions } from './build-options.ts';
import { block, embedScript } from './embed-script.ts';
import { factoryInputs } from './factory-inputs.ts';
import type { ScriptName } from './scripts.ts';

/** Names that scripts know nothing of: where GitLab's own settings for the job come from. */
const jobOptions = [
  ['stage', 'Stage of the jobs', 'build'],
  [
    'job_image',
    'Image of the build job: git, docker with buildx; cosign, or apk to get it',
    'docker.io/library/docker:29-cli',
  ],
  ['docker_service', 'Image of the docker daemon', 'docker.io/library/docker:29-dind'],
  ['binfmt_image', 'Image of tonistiigi/binfmt by digest, which emulates other platforms; empty: none', ''],
  [
    'sign',
    'keyless (by the identity of the job), key (COSIGN_PRIVATE_KEY and COSIGN_PASSWORD) or none',
    'keyless',
  ],
] as const;

/** The component for GitLab CI: a job that claims, builds, signs and tells, and one before it that asks for a version. */
export function gitlabBuild(): string {
  const options = [...buildOptions, ...versionOptions.filter(({ name }) => name !== 'version_cli_image')];
  const inputs = [
    ...factoryInputs.map(({ name, about }) => input(name, about, '')),
    ...options.map(({ name, about, default: value }) => input(name, about, value)),
    // No image may have an empty name, also in a job that is left out.
    input('version_cli_image', 'Image of image-factory, by digest', 'registry.invalid/image-factory'),
    ...jobOptions.map(([name, about, value]) => input(name, about, value)),
  ].join('');
  const needed: readonly ScriptName[] = [
    'claim',
    'upstream',
    'login',
    'build',
    'sign',
    'report-gitlab',
    'gitlab-build',
  ];
  return `# Written by image-factory: change it where it is generated, or what you change is lost.
# Builds one image as the factory asks: claims its build key, builds with the approved bases, signs, and tells the digest.
# Values reach the scripts by their environment only. Pipeline variables FACTORY_KEY and so on win over the inputs, for
# servers where pipelines are started with variables.
spec:
  inputs:
${inputs}---
image-factory-version:
  stage: $[[ inputs.stage ]]
  rules:
    - if: '"$[[ inputs.version_repository ]]" == ""'
      when: never
    - if: '"$[[ inputs.factory_key ]]" != ""'
    - if: $FACTORY_KEY
  image:
    name: $[[ inputs.version_cli_image ]]
    entrypoint: [""]
  variables:
    GIT_STRATEGY: none
${variables(factoryInputs.slice(0, 3).map(({ name }) => [name.toUpperCase(), name]))}
${variables(versionOptions.filter(({ name }) => name !== 'version_cli_image').map(({ name, variable }) => [variable, name]))}
  script:
    - |
      export OUTPUT_FILE=$(mktemp)
      cat > "$OUTPUT_FILE.sh" <<'END_OF_SCRIPT'
${embedScript('version', 6)}
      END_OF_SCRIPT
      sh "$OUTPUT_FILE.sh"
      sed -n 's/^version=/BUILD_VERSION=/p' "$OUTPUT_FILE" > "$CI_PROJECT_DIR/image-factory-version.env"
  artifacts:
    reports:
      dotenv: image-factory-version.env

image-factory-build:
  stage: $[[ inputs.stage ]]
  needs:
    - job: image-factory-version
      optional: true
  rules:
    - if: '"$[[ inputs.factory_key ]]" != ""'
    - if: $FACTORY_KEY
  image: $[[ inputs.job_image ]]
  services:
    - name: $[[ inputs.docker_service ]]
      alias: docker
  id_tokens:
    SIGSTORE_ID_TOKEN:
      aud: sigstore
  # A build that was interrupted half-way has pushed nothing that counts; the factory decides about another attempt.
  interruptible: false
  timeout: 5 hours
  variables:
    GIT_DEPTH: "1"
    DOCKER_HOST: tcp://docker:2376
    DOCKER_TLS_CERTDIR: /certs
    DOCKER_TLS_VERIFY: "1"
    DOCKER_CERT_PATH: /certs/client
${variables(factoryInputs.map(({ name }) => [name.toUpperCase(), name]))}
${variables(buildOptions.map(({ name, variable }) => [variable, name]))}
${variables([
  ['SIGN', 'sign'],
  ['BINFMT_IMAGE', 'binfmt_image'],
])}
  script:
    - |
      export SCRIPTS="/tmp/image-factory-$CI_JOB_ID"
      mkdir -p "$SCRIPTS"
${needed.map((name) => heredoc(name, 6)).join('\n')}
      export CLAIM_RUN="gitlab/$CI_PIPELINE_ID" CLAIM_REMOTE="$CI_PROJECT_URL.git"
      # The job's own token may push only where the project allows it; else a project access token does.
      if [ -n "\${FACTORY_CLAIM_TOKEN-}" ]; then
        export CLAIM_USER=image-factory CLAIM_TOKEN="$FACTORY_CLAIM_TOKEN"
      else
        export CLAIM_USER=gitlab-ci-token CLAIM_TOKEN="$CI_JOB_TOKEN"
      fi
      export SOURCE_URL="$CI_PROJECT_URL"
      if [ -z "\${REGISTRY_TOKEN-}" ]; then export REGISTRY_USER="$CI_REGISTRY_USER" REGISTRY_TOKEN="$CI_REGISTRY_PASSWORD"; fi
      if [ -n "$BINFMT_IMAGE" ]; then docker run --privileged --rm "$BINFMT_IMAGE" --install all; fi
      docker context create image-factory
      docker buildx create --name image-factory --driver docker-container --use image-factory
      sh "$SCRIPTS/gitlab-build.sh"
  artifacts:
    when: always
    paths: [image-factory.json]
    expire_in: 7 days
`;
}

function heredoc(name: ScriptName, indent: number): string {
  const pad = ' '.repeat(indent);
  return `${pad}cat > "$SCRIPTS/${name}.sh" <<'END_OF_SCRIPT'\n${embedScript(name, indent)}\n${pad}END_OF_SCRIPT`;
}

function input(name: string, about: string, value: string | undefined): string {
  const lines = [
    `description: ${JSON.stringify(about)}`,
    'type: string',
    ...(value === undefined ? [] : [`default: ${JSON.stringify(value)}`]),
    // It stands in rules, where quotes would change what they mean.
    ...(name === 'factory_key' ? ['regex: ^[0-9A-Za-z-]*$'] : []),
  ];
  return `    ${name}:\n${block(lines.join('\n'), 6)}\n`;
}

/** Not expanded: what stands in an input is text, also where it looks like a variable. */
function variables(pairs: readonly (readonly [variable: string, name: string])[]): string {
  return pairs
    .map(([variable, name]) => `    ${variable}:\n      value: $[[ inputs.${name} ]]\n      expand: false`)
    .join('\n');
}
