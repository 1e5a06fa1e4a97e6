import { actions } from '@image-factory/core/workflows/actions.ts';
import { embedScript, block } from '@image-factory/core/workflows/embed-script.ts';
import { factoryInputs } from '@image-factory/core/workflows/factory-inputs.ts';
import type { Service } from './services.ts';

/** Names of images that the workflow knows: it fails for one, and takes long enough to be cancelled for another. */
export const acts = { build: 'live-build', fail: 'live-fail', slow: 'live-slow' } as const;

/** In the place of a build: no image is made. The digest is that of the key, so that its reader can tell it is the right one. */
const act = `case $FACTORY_IMAGE in
${acts.fail}) echo 'It is to fail.' >&2; exit 1 ;;
${acts.slow}) sleep 300 ;;
*) sleep 15 ;;
esac
hex=$(printf '%s' "$FACTORY_KEY" | sha256sum | cut -c 1-64)
printf 'hex=%s\\ndigest=sha256:%s\\n' "$hex" "$hex" >>"$OUTPUT_FILE"
printf '%s\\n' "$hex" >digest.txt
`;

/** The file that a sandbox needs, and what is in it. */
export function workflowOf({ name, workflow }: Service): { readonly path: string; readonly text: string } {
  switch (name) {
    case 'github':
      return { path: `.github/workflows/${workflow}`, text: githubWorkflow() };
    case 'gitlab':
      return { path: '.gitlab-ci.yml', text: gitlabPipeline() };
    case 'gitea':
    case 'forgejo':
      return { path: `.${name}/workflows/${workflow}`, text: giteaWorkflow() };
  }
}

const given = ['factory_key', 'factory_attempt', 'factory_image'] as const;
const claimed = "if: steps.claim.outputs.claimed == 'true'";

function head(permissions: readonly string[]): string {
  const inputs = factoryInputs.map(
    ({ name }) => `      ${name}: { type: string, required: false, default: "" }`,
  );
  return `# For \`npm run test:live\` of Image Factory: claims, sleeps and tells a made-up digest. Builds and pushes nothing.
name: Image Factory live test
run-name: "Live \${{ inputs.factory_image }} [\${{ inputs.factory_key }}/\${{ inputs.factory_attempt }}]"

on:
  workflow_dispatch:
    inputs:
${inputs.join('\n')}

permissions:
${permissions.map((each) => `  ${each}: write`).join('\n')}

jobs:
  live:
    runs-on: ubuntu-latest
    timeout-minutes: 15
    env:
${given.map((name) => `      ${name.toUpperCase()}: \${{ inputs.${name} }}`).join('\n')}
    steps:
      - name: Claim the build key
        id: claim
        shell: sh
        env:
          CLAIM_RUN: live/\${{ github.run_id }}
          CLAIM_REMOTE: \${{ github.server_url }}/\${{ github.repository }}
          CLAIM_TOKEN: \${{ github.token }}
        run: |
          OUTPUT_FILE=$GITHUB_OUTPUT
${embedScript('claim', 10)}
`;
}

function actStep(): string {
  return `      - name: Sleep in the place of a build
        id: act
        ${claimed}
        shell: sh
        run: |
          OUTPUT_FILE=$GITHUB_OUTPUT
${block(act, 10)}
`;
}

function githubWorkflow(): string {
  return `${head(['contents'])}      - name: factory-superseded
        if: steps.claim.outputs.claimed == 'false'
        run: echo 'Another run holds this key.'
${actStep()}      - name: Tell the digest
        ${claimed}
        uses: ${actions.uploadArtifact}
        with:
          name: factory-digest-sha256-\${{ steps.act.outputs.hex }}
          path: digest.txt
          retention-days: 1
          overwrite: true
`;
}

function giteaWorkflow(): string {
  const report = (name: string, condition: string, digest: string): string => `      - name: ${name}
        ${condition}
        shell: sh
        env:
          DIGEST: ${digest}
          STATUS_API: \${{ github.api_url }}
          STATUS_REPOSITORY: \${{ github.repository }}
          STATUS_COMMIT: \${{ github.sha }}
          STATUS_RUN: \${{ github.run_id }}
          STATUS_TOKEN: \${{ github.token }}
        run: |
${embedScript('report-gitea', 10)}
`;
  return [
    head(['contents', 'statuses']),
    report('factory-superseded', "if: steps.claim.outputs.claimed == 'false'", '""'),
    actStep(),
    report('Tell the digest', claimed, '${{ steps.act.outputs.digest }}'),
  ].join('');
}

function gitlabPipeline(): string {
  const inputs = factoryInputs.map(({ name }) => {
    const shape = name === 'factory_key' ? ', regex: "^[0-9A-Za-z-]*$"' : '';
    return `    ${name}: { type: string, default: ""${shape} }`;
  });
  const heredoc = (name: string, text: string): string =>
    `      cat > "$SCRIPTS/${name}.sh" <<'END_OF_SCRIPT'\n${text}\n      END_OF_SCRIPT`;
  return `# For \`npm run test:live\` of Image Factory: claims, sleeps and tells a made-up digest. Builds and pushes nothing.
spec:
  inputs:
${inputs.join('\n')}
---
workflow:
  name: "image-factory $[[ inputs.factory_image ]] [$[[ inputs.factory_key ]]/$[[ inputs.factory_attempt ]]]"
  rules:
    - if: '"$[[ inputs.factory_key ]]" != ""'

live:
  image: docker.io/library/docker:29-cli
  timeout: 15 minutes
  variables:
    GIT_STRATEGY: none
${given.map((name) => `    ${name.toUpperCase()}: "$[[ inputs.${name} ]]"`).join('\n')}
  script:
    - |
      export SCRIPTS=$(mktemp -d) OUTPUT_FILE=$(mktemp)
${heredoc('claim', embedScript('claim', 6))}
${heredoc('act', `      set -eu\n${block(act, 6)}`)}
${heredoc('report', embedScript('report-gitlab', 6))}
      export CLAIM_RUN="gitlab/$CI_PIPELINE_ID" CLAIM_REMOTE="$CI_PROJECT_URL.git"
      if [ -n "\${FACTORY_CLAIM_TOKEN-}" ]; then
        export CLAIM_USER=image-factory CLAIM_TOKEN="$FACTORY_CLAIM_TOKEN"
      else
        export CLAIM_USER=gitlab-ci-token CLAIM_TOKEN="$CI_JOB_TOKEN"
      fi
      sh "$SCRIPTS/claim.sh"
      if grep -q '^claimed=true' "$OUTPUT_FILE"; then sh "$SCRIPTS/act.sh"; fi
      export DIGEST=$(sed -n 's/^digest=//p' "$OUTPUT_FILE")
      sh "$SCRIPTS/report.sh"
  artifacts:
    paths: [image-factory.json]
    expire_in: 1 day
`;
}
