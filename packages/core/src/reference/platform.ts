import { err, ok, type Result } from '../result.ts';
import type { PlatformName } from './types.ts';

/** A platform's parts, as containerd normalises them. */
export interface PlatformParts {
  readonly os: string;
  readonly architecture: string;
  /** Empty where there is none. */
  readonly variant: string;
  readonly osVersion: string;
  readonly osFeatures: readonly string[];
}

/** What the builder's own host adds to a platform of which only one part is written. */
export interface PlatformDefaults {
  readonly defaultOs: string;
  readonly defaultArchitecture: string;
}

const linuxOnAmd64: PlatformDefaults = { defaultOs: 'linux', defaultArchitecture: 'amd64' };
const knownSystems = new Set(
  (
    'aix android darwin dragonfly freebsd hurd illumos ios js linux nacl netbsd openbsd plan9 solaris ' +
    'windows zos'
  ).split(' '),
);
const knownArchitectures = new Set(
  (
    '386 amd64 amd64p32 arm armbe arm64 arm64be ppc64 ppc64le loong64 mips mipsle mips64 mips64le mips64p32 ' +
    'mips64p32le ppc riscv riscv64 s390 s390x sparc sparc64 wasm'
  ).split(' '),
);
const osOption = '[A-Za-z0-9_.%-]';
const osComponent = new RegExp(String.raw`^([A-Za-z0-9_-]+)(?:\((${osOption}*)((?:\+${osOption}+)*)\))?$`);
const otherComponent = /^[A-Za-z0-9_.-]+$/;
const longestPlatform = 1000;

/**
 * Reads `os`, `arch`, `os/arch` or `os/arch/variant`, where the os may carry `(version+feature)`, and writes it in normal
 * form: `aarch64` is `linux/arm64`, `linux/arm` is `linux/arm/v7`.
 * Rule: containerd/platforms; research "dockerfile", section 10.
 */
export function parsePlatform(
  text: string,
  defaults: PlatformDefaults = linuxOnAmd64,
): Result<PlatformName, string> {
  const parts = parsePlatformParts(text, defaults);
  return parts.ok ? ok(platformName(parts.value)) : parts;
}

/** As {@link parsePlatform}, taken apart. */
function parsePlatformParts(
  text: string,
  defaults: PlatformDefaults = linuxOnAmd64,
): Result<PlatformParts, string> {
  if (text.length > longestPlatform) return err('platform specifier is too long');
  if (text.includes('*')) return err(`${JSON.stringify(text)}: wildcards not yet supported`);
  const [osText = '', architectureText, variantText, ...rest] = text.split('/');
  const match = osComponent.exec(osText);
  if (!match) return err(`${JSON.stringify(osText)} is an invalid OS component of ${JSON.stringify(text)}`);
  const osVersion = decodeOption(match[2] ?? '');
  const osFeatures = (match[3] ?? '').split('+').slice(1).map(decodeOption);
  if (osVersion === undefined || osFeatures.includes(undefined)) {
    return err(`${JSON.stringify(text)} has an invalid OS version or feature`);
  }
  for (const part of [architectureText, variantText, ...rest]) {
    if (part !== undefined && !otherComponent.test(part)) {
      return err(`${JSON.stringify(part)} is an invalid component of ${JSON.stringify(text)}`);
    }
  }
  if (rest.length > 0) return err(`${JSON.stringify(text)}: cannot parse platform specifier`);

  const features = osFeatures.filter((feature) => feature !== undefined && feature !== '') as string[];
  const host = { osVersion, osFeatures: features };
  if (architectureText !== undefined) {
    return ok(
      normalise({ ...host, os: match[1] ?? '', architecture: architectureText, variant: variantText ?? '' }),
    );
  }
  if (knownSystems.has(normaliseOs(match[1] ?? ''))) {
    return ok(
      normalise({ ...host, os: match[1] ?? '', architecture: defaults.defaultArchitecture, variant: '' }),
    );
  }
  const alone = normalise({ ...host, os: defaults.defaultOs, architecture: osText, variant: '' });
  if (knownArchitectures.has(alone.architecture)) return ok(alone);
  return err(`${JSON.stringify(text)}: unknown operating system or architecture`);
}

/** Normalises and writes a platform: `linux/amd64`, `linux/arm/v7`, `windows(10.0.17763.1)/amd64`. */
export function platformName(parts: {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
  readonly osVersion?: string;
  readonly osFeatures?: readonly string[];
}): PlatformName {
  const normal = normalise({
    os: parts.os,
    architecture: parts.architecture,
    variant: parts.variant ?? '',
    osVersion: parts.osVersion ?? '',
    osFeatures: parts.osFeatures ?? [],
  });
  if (normal.os === '') return 'unknown' as PlatformName;
  const options = [encodeOption(normal.osVersion), ...normal.osFeatures.map(encodeOption)].join('+');
  const os = options === '' ? normal.os : `${normal.os}(${options})`;
  return joinComponents([os, normal.architecture, normal.variant]) as PlatformName;
}

/** The parts of a platform that is in normal form already. */
export function splitPlatform(platform: PlatformName): PlatformParts {
  const [os, architecture, variant = '', ...rest] = platform.split('/');
  if (os !== undefined && architecture !== undefined && rest.length === 0 && !platform.includes('(')) {
    return { os, architecture, variant, osVersion: '', osFeatures: [] };
  }
  const parts = parsePlatformParts(platform);
  if (parts.ok) return parts.value;
  throw new Error(`expected a platform in normal form, got ${JSON.stringify(platform)}`);
}

function normalise(parts: PlatformParts): PlatformParts {
  const { architecture, variant } = normaliseArchitecture(
    parts.architecture.toLowerCase(),
    parts.variant.toLowerCase(),
  );
  const osFeatures = [...new Set(parts.osFeatures)].toSorted();
  return { os: normaliseOs(parts.os), architecture, variant, osVersion: parts.osVersion, osFeatures };
}

function normaliseOs(os: string): string {
  const lower = os.toLowerCase();
  return lower === 'macos' ? 'darwin' : lower;
}

function normaliseArchitecture(
  architecture: string,
  variant: string,
): { architecture: string; variant: string } {
  switch (architecture) {
    case 'i386':
      return { architecture: '386', variant: '' };
    case 'x86_64':
    case 'x86-64':
    case 'amd64':
      return { architecture: 'amd64', variant: variant === 'v1' ? '' : variant };
    case 'aarch64':
    case 'arm64':
      return { architecture: 'arm64', variant: arm64Variant(variant) };
    case 'armhf':
      return { architecture: 'arm', variant: 'v7' };
    case 'armel':
      return { architecture: 'arm', variant: 'v6' };
    case 'arm':
      return { architecture, variant: armVariant(variant) };
    default:
      return { architecture, variant };
  }
}

function arm64Variant(variant: string): string {
  if (variant === '8' || variant === 'v8' || variant === 'v8.0') return '';
  return variant === '9' || variant === '9.0' || variant === 'v9.0' ? 'v9' : variant;
}

function armVariant(variant: string): string {
  if (variant === '' || variant === '7') return 'v7';
  return variant === '5' || variant === '6' || variant === '8' ? `v${variant}` : variant;
}

/** Undefined: a percent sign that begins no valid escape. */
function decodeOption(text: string): string | undefined {
  if (!text.includes('%')) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

function encodeOption(text: string): string {
  return text.replace(/[%+()/]/g, (character) =>
    encodeURIComponent(character).replace('(', '%28').replace(')', '%29'),
  );
}

/** Empty parts vanish, and `.` and `..` mean what they mean in a path: containerd joins platforms like paths. */
function joinComponents(components: readonly string[]): string {
  const kept: string[] = [];
  for (const component of components.flatMap((part) => part.split('/'))) {
    if (component === '' || component === '.') continue;
    if (component === '..' && kept.length > 0 && kept.at(-1) !== '..') kept.pop();
    else kept.push(component);
  }
  return kept.length === 0 ? '.' : kept.join('/');
}
