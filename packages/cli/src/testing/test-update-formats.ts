import type { ImageUser } from '@image-factory/core/enrolment/image-users.ts';

/** A file that names the image, before an update and after it. */
export interface Format {
  readonly change:
    | Pick<Extract<ImageUser, { format: 'kustomize' }>, 'format' | 'paths' | 'image' | 'part'>
    | Pick<Exclude<ImageUser, { format: 'kustomize' }>, 'format' | 'paths' | 'keys'>;
  readonly file: string;
  readonly before: string;
  readonly after: (digest: string) => string;
}

const kustomization = (set: string): string => `# ours
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources:
- deployment.yaml # what runs
# moved by the factory
images:
- name: ghcr.io/acme/web
  newName: mirror.example.com/acme/web
  ${set}
- name: postgres
  newTag: "16.10"
`;

export const formats: Readonly<Record<string, Format>> = {
  'a kustomization': {
    change: { format: 'kustomize', paths: ['apps/web'], image: undefined, part: 'digest' },
    file: 'apps/web/kustomization.yaml',
    before: kustomization('newTag: "1.9"'),
    after: (digest) => kustomization(`digest: ${digest}`),
  },
  'a YAML file': {
    change: {
      format: 'yaml',
      paths: ['apps/web/deployment.yaml'],
      keys: {
        'spec.template.spec.containers.1.image': 'reference',
        'metadata.annotations.example\\.com/web': 'tag',
      },
    },
    file: 'apps/web/deployment.yaml',
    before: `# ours
apiVersion: apps/v1
kind: Deployment
metadata: # not this line
  annotations:
    example.com/web: "1.9"

    example: { com/web: x }
spec:
  template:
    spec:
      containers:
        - name: sidecar
          image:   ghcr.io/acme/sidecar:1   # theirs
        - image: ghcr.io/acme/web:1.9
          name: web
---
spec: { template: second document }
`,
    after: (digest) => `# ours
apiVersion: apps/v1
kind: Deployment
metadata: # not this line
  annotations:
    example.com/web: "1.10"

    example: { com/web: x }
spec:
  template:
    spec:
      containers:
        - name: sidecar
          image:   ghcr.io/acme/sidecar:1   # theirs
        - image: ghcr.io/acme/web:1.10@${digest}
          name: web
---
spec: { template: second document }
`,
  },
  'values of a chart': {
    change: {
      format: 'helm',
      paths: ['charts/web/values.yaml'],
      keys: { 'image.tag': 'tag', 'image.digest': 'digest' },
    },
    file: 'charts/web/values.yaml',
    before: "image:\n  repository: x # theirs\n  # ours\n  tag: '1.9'\n  digest:\nreplicas: 1.0\n",
    after: (digest) =>
      `image:\n  repository: x # theirs\n  # ours\n  tag: "1.10"\n  digest: ${digest}\nreplicas: 1.0\n`,
  },
};

type Provider = 'github' | 'gitlab';

export function user(what: string, provider: Provider, mode: ImageUser['mode']): ImageUser {
  const repo = provider === 'github' ? 'acme/deploy' : 'acme/apps/deploy';
  return { ...formatOf(what).change, provider, repo, branch: 'main', mode };
}

export function formatOf(what: string): Format {
  const format = formats[what];
  if (!format) throw new Error(what);
  return format;
}

/** Of the only user of its format. */
export function stageOf({ format }: ImageUser): string {
  return `update-web-${format}-1`;
}
