import { actions } from './actions.ts';
import { buildOptions, versionOptions } from './build-options.ts';
import { embedScript } from './embed-script.ts';
import { factoryInputs } from './factory-inputs.ts';

/** The reusable workflow for GitHub Actions: claim, version, build, sign, tell. */
export function githubBuild(): string {
  const inputs = [
    ...factoryInputs.map(({ name, about }) => input(name, about, '')),
    ...[...buildOptions, ...versionOptions].map(({ name, about, default: value }) =>
      input(name, about, value),
    ),
    input('sign', 'keyless (by the identity of this workflow) or none', 'keyless'),
    input('runner', 'Label of the runners', 'ubuntu-latest'),
  ].join('');
  return `# Written by image-factory: change it where it is generated, or what you change is lost.
# Builds one image as the factory asks: claims its build key, builds with the approved bases, signs, and tells the digest.
# Values reach the scripts by their environment only.
name: Build image

on:
  workflow_call:
    inputs:
${inputs}    secrets:
      registry_user:
        description: "User for the registry; default: who started the run"
        required: false
      registry_token:
        description: "Password or token for the registry; default: the token of the run, which is good for ghcr.io"
        required: false
      build_secrets:
        description: Secrets of the build, one NAME=value a line
        required: false
      factory_git_token:
        description: Token that may write to version_repository
        required: false
    outputs:
      digest:
        description: What was pushed; empty where the run found its key claimed
        value: \${{ jobs.factory-build.outputs.digest }}
      version:
        description: The version that was given, if one was asked for
        value: \${{ jobs.factory-build.outputs.version }}

permissions: {}

jobs:
  factory-claim:
    runs-on: \${{ inputs.runner }}
    timeout-minutes: 10
    permissions:
      # Creates the ref that is the claim.
      contents: write
    outputs:
      claimed: \${{ steps.claim.outputs.claimed }}
    steps:
      - name: Claim the build key
        id: claim
        shell: sh
        env:
          FACTORY_KEY: \${{ inputs.factory_key }}
          FACTORY_ATTEMPT: \${{ inputs.factory_attempt }}
          CLAIM_RUN: github/\${{ github.run_id }}
          CLAIM_REMOTE: \${{ github.server_url }}/\${{ github.repository }}
          CLAIM_TOKEN: \${{ github.token }}
        run: |
          OUTPUT_FILE=$GITHUB_OUTPUT
${embedScript('claim', 10)}
      # The factory knows a run that left by this name.
      - name: factory-superseded
        if: steps.claim.outputs.claimed == 'false'
        run: echo 'Another run builds this key.'

  factory-build:
    needs: factory-claim
    if: needs.factory-claim.outputs.claimed == 'true'
    runs-on: \${{ inputs.runner }}
    timeout-minutes: 300
    permissions:
      contents: read
      # Pushes the image where it is kept at ghcr.io.
      packages: write
      # Proves to Sigstore which workflow signs.
      id-token: write
    outputs:
      digest: \${{ steps.build.outputs.digest }}
      version: \${{ steps.version.outputs.version }}
    env:
      FACTORY_KEY: \${{ inputs.factory_key }}
      FACTORY_ATTEMPT: \${{ inputs.factory_attempt }}
      FACTORY_IMAGE: \${{ inputs.factory_image }}
      BUILD_IMAGE: \${{ inputs.image }}
    steps:
      - name: Check out the commit that was decided on
        uses: ${actions.checkout}
        with:
          ref: \${{ inputs.commit_of == 'upstream' && github.sha || inputs.factory_commit }}
          persist-credentials: false
      - name: Fetch and patch upstream
        id: source
        shell: sh
        env:
${variables('UPSTREAM_')}
          FACTORY_COMMIT: \${{ inputs.factory_commit }}
          SOURCE_URL: \${{ github.server_url }}/\${{ github.repository }}
          SOURCE_COMMIT: \${{ inputs.factory_commit || github.sha }}
        run: |
          OUTPUT_FILE=$GITHUB_OUTPUT
${embedScript('upstream', 10)}
      - name: Emulate other platforms
        if: inputs.platforms != ''
        uses: ${actions.setupQemu}
      - name: Set up BuildKit
        uses: ${actions.setupBuildx}
      - name: Log in to the registry
        shell: sh
        env:
          REGISTRY_USER: \${{ secrets.registry_user || github.actor }}
          REGISTRY_TOKEN: \${{ secrets.registry_token || github.token }}
        run: |
${embedScript('login', 10)}
      - name: Ask for the version
        id: version
        if: inputs.version_repository != ''
        shell: sh
        env:
${variables('VERSION_')}
          FACTORY_GIT_TOKEN: \${{ secrets.factory_git_token }}
        run: |
          OUTPUT_FILE=$GITHUB_OUTPUT
${embedScript('version', 10)}
      - name: Build and push
        id: build
        shell: sh
        env:
          FACTORY_PINS: \${{ inputs.factory_pins }}
          FACTORY_BUILD_CONTEXTS: \${{ inputs.factory_build_contexts }}
          FACTORY_BUILD_ARGS: \${{ inputs.factory_build_args }}
${variables('BUILD_')}
          BUILD_SOURCE: \${{ steps.source.outputs.source }}
          BUILD_VERSION: \${{ steps.version.outputs.version }}
          BUILD_SECRETS: \${{ secrets.build_secrets }}
          SOURCE_URL: \${{ steps.source.outputs.url }}
          SOURCE_COMMIT: \${{ steps.source.outputs.commit }}
        run: |
          OUTPUT_FILE=$GITHUB_OUTPUT
${embedScript('build', 10)}
      - name: Install cosign
        if: inputs.sign != 'none'
        uses: ${actions.cosignInstaller}
      - name: Sign
        if: inputs.sign != 'none'
        shell: sh
        env:
          SIGN: \${{ inputs.sign }}
          DIGEST: \${{ steps.build.outputs.digest }}
        run: |
${embedScript('sign', 10)}
      - name: Write the digest down
        env:
          DIGEST: \${{ steps.build.outputs.digest }}
        run: printf '%s\\n' "$DIGEST" > "$RUNNER_TEMP/factory-digest"
      # The factory reads the digest from the name.
      - name: Tell the digest
        uses: ${actions.uploadArtifact}
        with:
          name: factory-digest-sha256-\${{ steps.build.outputs.digest_hex }}
          path: \${{ runner.temp }}/factory-digest
          retention-days: 7
          overwrite: true
`;
}

function input(name: string, about: string, value: string | undefined): string {
  const given = value === undefined ? 'required: true' : `default: ${JSON.stringify(value)}`;
  return `      ${name}:
        description: ${JSON.stringify(about)}
        type: string
        ${given}
`;
}

/** The environment of a step: the options of one kind. */
function variables(kind: string): string {
  return [...buildOptions, ...versionOptions]
    .filter(({ variable }) => variable.startsWith(kind) && variable !== 'BUILD_IMAGE')
    .map(({ name, variable }) => `          ${variable}: \${{ inputs.${name} }}`)
    .join('\n');
}
