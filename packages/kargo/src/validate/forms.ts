/*
 * The forms that names, labels and addresses must have. Nothing here takes more than linear time; texts are cut to a length
 * before an expression of several parts sees them.
 */

import { remembered } from './remember.ts';

const longestUrl = 2048;

/** RFC 1123 subdomain, as Kubernetes wants most names. */
export function isDnsName(name: string): boolean {
  return name.length <= 253 && /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/.test(name);
}

/** RFC 1123 label. */
export function isDnsLabel(name: string): boolean {
  return name.length <= 63 && /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(name);
}

export function isLabelValue(value: string): boolean {
  return value.length <= 63 && /^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$/.test(value);
}

/** Keys of labels and annotations. */
export const isLabelKey = remembered((key): boolean => {
  const at = key.indexOf('/');
  const name = key.slice(at + 1);
  return name !== '' && isLabelValue(name) && (at < 0 || isDnsName(key.slice(0, at)));
});

/** Source: Kargo v1.11, the pattern of `image.repoURL`. */
export function isImageRepoUrl(url: string): boolean {
  const pattern = /^(\w+([.-]\w+)*(:\d+)?\/)?(\w+([.-]\w+)*)(\/\w+([.-]\w+)*)*$/;
  return url.length <= longestUrl && pattern.test(url);
}

/** `ssh` where git would go by ssh. Source: Kargo v1.11, the pattern of `git.repoURL`. */
export const gitUrlKind = remembered((url): 'http' | 'https' | 'ssh' | undefined => {
  if (url.length > longestUrl) return undefined;
  const match = /^(ssh|https?):\/\/(?:[\w-]+(?::[^@]+)?@)?[\w-]+(?:\.[\w-]+)*(?::\d{1,5})?\/.*$/.exec(url);
  if (match) return match[1] as 'http' | 'https' | 'ssh';
  return /^[\w-]+@[\w+]+(?:\.[\w-]+)*:.*$/.test(url) ? 'ssh' : undefined;
});

/** The image that Docker Hub's several spellings all mean. */
export function normalImageUrl(url: string): string {
  return url.replace(/^(?:(?:index\.|registry-1\.)?docker\.io\/)/, '').replace(/^library\/(?=[^/]+$)/, '');
}

export function normalGitUrl(url: string): string {
  return url
    .toLowerCase()
    .replace(/\/$/, '')
    .replace(/\.git$/, '');
}

/** A tag as OCI has it. */
export function isTag(text: string): boolean {
  return /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/.test(text);
}

/** `os/arch` or `os/arch/variant`. */
export function isPlatform(text: string): boolean {
  return /^\w+\/\w+(\/\w+)?$/.test(text);
}

/** Source: the CRDs' pattern of a variable's name. */
export function isVariableName(text: string): boolean {
  return /^[a-zA-Z_]\w*$/.test(text);
}

/** Source: kargo v1.11, pkg/promotion: names that Kargo gives to steps itself. */
export function isReservedAlias(text: string): boolean {
  return /^(step|task)-\d+$/.test(text);
}
