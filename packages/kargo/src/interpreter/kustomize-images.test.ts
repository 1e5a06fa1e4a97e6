import { describe, expect, it } from 'vitest';
import { withImages } from './kustomize-images.ts';

const digest = `sha256:${'a'.repeat(64)}`;

describe('kustomize-set-image', () => {
  it('replaces the entry of that name as a whole', () => {
    const text = 'images:\n- name: web\n  newName: mirror.test/web\n  newTag: "1"\n';
    expect(withImages(text, [{ name: 'web', digest }])).toBe(`images:\n- name: web\n  digest: ${digest}\n`);
  });

  it('keeps what it says * of', () => {
    const text = 'images:\n- name: web\n  newName: mirror.test/web\n  newTag: "1"\n';
    expect(withImages(text, [{ name: 'web', newName: '*', digest }])).toBe(
      `images:\n- name: web\n  newName: mirror.test/web\n  digest: ${digest}\n`,
    );
    expect(withImages('kind: Kustomization\n', [{ name: 'web', newName: '*', newTag: '1.10' }])).toBe(
      'kind: Kustomization\nimages:\n- name: web\n  newTag: "1.10"\n',
    );
  });

  it('writes the file anew: sorted, lists not indented, no blank lines; comments stay in their place', () => {
    const text = `# ours
apiVersion: kustomize.config.k8s.io/v1beta1

resources:
  - base # the base

# what runs
images:
  # web is built by the factory
  - name: web # by name
    newTag: '1.0'
  - name: db
    newTag: 16.10
`;
    expect(withImages(text, [{ name: 'web', newTag: '1.1' }])).toBe(`# ours
apiVersion: kustomize.config.k8s.io/v1beta1
resources:
- base # the base
# what runs
images:
# web is built by the factory
- name: db # by name
  newTag: "16.10"
- name: web
  newTag: "1.1"
`);
  });

  it('changes nothing the second time', () => {
    const once = withImages('images:\n  - name: b\n  - name: a\n', [{ name: 'b', newTag: '2024-01-15' }]);
    expect(once).toBe('images:\n- name: a\n- name: b\n  newTag: "2024-01-15"\n');
    expect(typeof once === 'string' && withImages(once, [{ name: 'b', newTag: '2024-01-15' }])).toBe(once);
  });

  it('keeps the braces of a list that has them', () => {
    expect(withImages('images: []\n', [{ name: 'a', newTag: 'v1' }])).toBe(
      'images: [{name: a, newTag: v1}]\n',
    );
  });

  it.each(['images: no\n', '[]\n', 'a: [\n'])('refuses %j', (text) => {
    expect(withImages(text, [])).toHaveProperty('error');
  });
});
