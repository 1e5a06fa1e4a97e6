import {
  anything,
  flag,
  goDuration,
  listOf,
  object,
  oneOf,
  text,
  textMap,
  word,
  type Shape,
} from '../shape.ts';
import { labelSelector } from './selector.ts';

/*
 * What each promotion step takes. Source: the JSON schemas that Kargo v1.11 checks configurations against when a step
 * runs; expressions are evaluated before that.
 */

const words = listOf(word);
const someWords = listOf(word, 1);
const provider = oneOf('azure', 'bitbucket', 'gitea', 'github', 'gitlab');
const author = object({ name: word, email: word }, { signingKey: text });
const nameValues = listOf(object({ name: word, value: word }));
const outputs = object({ name: word, fromExpression: word });
const tries: Shape = { is: 'count', least: 1, most: 2_147_483_647 };
const pullRequest: Shape = { is: 'count', least: 1 };
const insecure = { insecureSkipTLSVerify: flag };
const fileUpdate = object({ path: word, updates: listOf(object({ key: word, value: anything }), 1) });
const fileParse = object({ path: word, outputs: listOf(outputs, 1) });

const http = object(
  { url: word },
  {
    ...insecure,
    method: oneOf('DELETE', 'GET', 'HEAD', 'PATCH', 'POST', 'PUT'),
    headers: nameValues,
    queryParams: nameValues,
    body: text,
    timeout: goDuration,
    pollInterval: goDuration,
    responseContentType: oneOf('application/json', 'application/yaml', 'text/plain'),
    successExpression: text,
    failureExpression: text,
    errorExpression: text,
    outputs: listOf(outputs),
    proxy: text,
  },
);

const gitClone = object(
  {
    repoURL: word,
    checkout: listOf(
      object(
        { path: word },
        { as: text, branch: text, commit: text, tag: text, create: flag, sparse: someWords },
      ),
      1,
    ),
  },
  { ...insecure, author, blobless: flag, recurseSubmodules: flag },
);

const argocdApp = { name: word, namespace: word, selector: labelSelector };
const argocdSource = object(
  { repoURL: text },
  {
    chart: word,
    desiredRevision: word,
    updateTargetRevision: flag,
    helm: object({ images: listOf(object({ key: word, value: text }), 1) }),
    kustomize: object(
      {},
      { images: listOf(object({ repoURL: word }, { digest: text, newName: word, tag: text }), 1) },
    ),
  },
);

/** By the name in `uses`: the steps of open-source Kargo v1.11, all of them. */
export const stepConfigShapes: Readonly<Record<string, Shape>> = {
  'argocd-update': object({
    apps: listOf(object({}, { ...argocdApp, sources: listOf(argocdSource, 1) }), 1),
  }),
  'argocd-wait': object({
    apps: listOf(
      object(
        {},
        { ...argocdApp, waitFor: listOf(oneOf('health', 'sync', 'operation', 'suspended', 'degraded'), 1) },
      ),
      1,
    ),
  }),
  'compose-output': { is: 'map', of: anything, least: 1 },
  copy: object({ inPath: word, outPath: word }, { ignore: word }),
  delete: object({}, { path: word, paths: someWords, pathsAreGlobs: flag, strict: flag }),
  fail: object({}, { message: word }),
  'file-write': object({ path: word, contents: text }, { permissions: text, overwrite: flag }),
  'git-clear': object({ path: word }),
  'git-clone': gitClone,
  'git-commit': object({ path: word, message: word }, { author }),
  'git-merge-pr': object(
    { repoURL: word, prNumber: pullRequest },
    { ...insecure, provider, wait: flag, pollInterval: goDuration, mergeMethod: word },
  ),
  'git-open-pr': object(
    { repoURL: word, sourceBranch: word, targetBranch: word },
    { ...insecure, createTargetBranch: flag, provider, title: word, description: word, labels: words },
  ),
  'git-push': object(
    { path: word },
    { targetBranch: text, generateTargetBranch: flag, tag: text, maxAttempts: tries, force: flag, provider },
  ),
  'git-tag': object({ path: word, tag: word, message: word }, { force: flag }),
  'git-wait-for-pr': object(
    { repoURL: word, prNumber: pullRequest },
    { ...insecure, provider, pollInterval: goDuration },
  ),
  'github-push': object(
    { path: word },
    { ...insecure, targetBranch: text, generateTargetBranch: flag, maxAttempts: tries, force: flag },
  ),
  'helm-template': object(
    { path: word, outPath: word, releaseName: word },
    {
      outLayout: oneOf('helm', 'flat'),
      useReleaseName: flag,
      namespace: text,
      valuesFiles: words,
      ignoreMissingValueFiles: flag,
      setValues: listOf(object({ key: word, value: text }, { literal: flag })),
      buildDependencies: flag,
      includeCRDs: flag,
      disableHooks: flag,
      skipTests: flag,
      kubeVersion: text,
      apiVersions: words,
    },
  ),
  'helm-update-chart': object({
    path: word,
    charts: listOf(object({ repository: word, name: word, version: word }), 1),
  }),
  http,
  'http-download': object(
    { url: word, outPath: word },
    { ...insecure, allowOverwrite: flag, headers: nameValues, queryParams: nameValues, timeout: goDuration },
  ),
  'json-parse': fileParse,
  'json-update': fileUpdate,
  'kustomize-build': object(
    { path: word, outPath: word },
    {
      outputFormat: oneOf('kargo', 'kustomize'),
      plugin: object({}, { helm: object({}, { apiVersions: words, kubeVersion: text }) }),
    },
  ),
  'kustomize-set-image': object(
    { path: word },
    { images: listOf(object({ image: word }, { name: text, newName: text, tag: text, digest: text })) },
  ),
  'oci-download': object(
    { imageRef: word, outPath: word },
    { ...insecure, allowOverwrite: flag, mediaType: word },
  ),
  'oci-push': object({ srcRef: word, destRef: word }, { ...insecure, annotations: textMap }),
  'set-freight-alias': object({ name: word, alias: word }),
  'set-metadata': object({
    updates: listOf(
      object({
        kind: oneOf('Stage', 'Freight'),
        name: word,
        values: { is: 'map', of: anything, least: 1 },
      }),
      1,
    ),
  }),
  'toml-parse': fileParse,
  'toml-update': fileUpdate,
  untar: object(
    { inPath: word, outPath: word },
    { stripComponents: { is: 'count', least: 0 }, ignore: word },
  ),
  'yaml-merge': object(
    { inFiles: { is: 'list', of: text, least: 1 }, outFile: word },
    { ignoreMissingFiles: flag },
  ),
  'yaml-parse': fileParse,
  'yaml-update': fileUpdate,
};

/** Steps that only Akuity's platform runs. */
export function isAkuityStep(uses: string): boolean {
  return /^(gha-|gh-|snow-|tf-|jira|send-message$|hcl-update$|jfrog-evidence$)/.test(uses);
}

/** Steps that Kargo had once, and what replaces them. */
export const removedSteps: Readonly<Record<string, string>> = {
  'helm-update-image': 'Use yaml-update on the values file; the step was removed in Kargo 1.3.',
};
