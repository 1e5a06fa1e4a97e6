import { quoted } from './quoted.ts';
import { buildOptions, versionOptions } from './build-options.ts';
import { embedScript } from './embed-script.ts';
import { factoryInputs } from './factory-inputs.ts';

/**
 * The job of one image for Gitea and Forgejo, whole: neither has reusable workflows that all of their runners know, and no
 * action of others is needed. `values`: by the names of the build options, and `sign`. `image`: the only one that it runs for.
 */
export function giteaJob(values: ReadonlyMap<string, string>, image: string | undefined): string {
  const options = [...buildOptions, ...versionOptions]
    .map(({ name, variable, default: value }) => [variable, values.get(name) ?? value ?? ''] as const)
    .map(([variable, value]) => `      ${variable}: ${quoted(value)}`);
  const environment = factoryInputs.map(({ name }) => `      ${name.toUpperCase()}: \${{ inputs.${name} }}`);
  const decided =
    values.get('commit_of') === 'upstream' ? 'github.sha' : 'inputs.factory_commit || github.sha';
  const claimed = "if: steps.claim.outputs.claimed == 'true'";
  const report = (digest: string): string => `        env:
          DIGEST: ${digest}
          STATUS_API: \${{ github.api_url }}
          STATUS_REPOSITORY: \${{ github.repository }}
          STATUS_COMMIT: \${{ github.sha }}
          STATUS_RUN: \${{ github.run_id }}
          STATUS_TOKEN: \${{ github.token }}
        run: |
${embedScript('report-gitea', 10)}`;
  return `  factory-build${image === undefined ? '' : `-${image}`}:
${image === undefined ? '' : `    if: inputs.factory_image == '${image}'\n`}    runs-on: ubuntu-latest
    timeout-minutes: 300
    env:
${environment.join('\n')}
${options.join('\n')}
    steps:
      - name: Claim the build key
        id: claim
        shell: sh
        env:
          CLAIM_RUN: gitea/\${{ github.run_id }}
          CLAIM_REMOTE: \${{ github.server_url }}/\${{ github.repository }}
          CLAIM_TOKEN: \${{ github.token }}
        run: |
          OUTPUT_FILE=$GITHUB_OUTPUT
${embedScript('claim', 10)}
      - name: factory-superseded
        if: steps.claim.outputs.claimed == 'false'
        shell: sh
${report('""')}
      - name: Check out the commit that was decided on
        ${claimed}
        shell: sh
        env:
          CHECKOUT_REMOTE: \${{ github.server_url }}/\${{ github.repository }}
          CHECKOUT_COMMIT: \${{ ${decided} }}
          CHECKOUT_TOKEN: \${{ github.token }}
        run: |
${embedScript('checkout', 10)}
      - name: Fetch and patch upstream
        id: source
        ${claimed}
        shell: sh
        env:
          SOURCE_URL: \${{ github.server_url }}/\${{ github.repository }}
          SOURCE_COMMIT: \${{ ${decided} }}
        run: |
          OUTPUT_FILE=$GITHUB_OUTPUT
${embedScript('upstream', 10)}
      - name: Log in to the registry
        ${claimed}
        shell: sh
        env:
          REGISTRY_USER: \${{ secrets.REGISTRY_USER || github.actor }}
          REGISTRY_TOKEN: \${{ secrets.REGISTRY_TOKEN }}
        run: |
${embedScript('login', 10)}
      - name: Ask for the version
        id: version
        ${claimed} && env.VERSION_REPOSITORY != ''
        shell: sh
        env:
          FACTORY_GIT_TOKEN: \${{ secrets.FACTORY_GIT_TOKEN }}
        run: |
          OUTPUT_FILE=$GITHUB_OUTPUT
${embedScript('version', 10)}
      - name: Build and push
        id: build
        ${claimed}
        shell: sh
        env:
          BUILD_SOURCE: \${{ steps.source.outputs.source }}
          BUILD_SECRETS: \${{ secrets.BUILD_SECRETS }}
          BUILD_VERSION: \${{ steps.version.outputs.version }}
          SOURCE_URL: \${{ steps.source.outputs.url }}
          SOURCE_COMMIT: \${{ steps.source.outputs.commit }}
        run: |
          OUTPUT_FILE=$GITHUB_OUTPUT
          docker buildx create --use > /dev/null
${embedScript('build', 10)}
      - name: Sign
        ${claimed}
        shell: sh
        env:
          SIGN: ${quoted(values.get('sign') ?? 'none')}
          DIGEST: \${{ steps.build.outputs.digest }}
          COSIGN_PRIVATE_KEY: \${{ secrets.COSIGN_PRIVATE_KEY }}
          COSIGN_PASSWORD: \${{ secrets.COSIGN_PASSWORD }}
        run: |
${embedScript('sign', 10)}
      - name: Tell the digest
        ${claimed}
        shell: sh
${report('${{ steps.build.outputs.digest }}')}
`;
}
