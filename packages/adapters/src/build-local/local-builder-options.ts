import type { RegistrySettings } from '@image-factory/core/enrolment/types.ts';
import type { Clock } from '@image-factory/core/ports/clock.ts';
import type { Duration } from '@image-factory/core/time.ts';
import type { ToolName } from './build-tool.ts';
import type { Checkout } from './checkout.ts';
import type { PushedRegistry } from './pushed.ts';

export interface RegistryLogin {
  readonly username: string;
  readonly password: string;
}

export interface LocalBuilderOptions {
  /** `auto`: buildah, else docker buildx. `layers` is never chosen by itself. */
  readonly tool: ToolName | 'auto';
  /** Records, checkouts and image storage; kept between starts. */
  readonly workDir: string;
  readonly logDir: string;
  /** Builds at once; the others queue. */
  readonly concurrency: number;
  /** One build, from its checkout to its last push; the time in the queue does not count. */
  readonly timeout: Duration;
  readonly clock: Clock;
  readonly checkout: Checkout;
  /** By domain; `insecure` ones are spoken to without verified TLS, all others with. */
  readonly registries: Readonly<Record<string, Pick<RegistrySettings, 'insecure'>>>;
  /** Reads digests back and finds what a crashed process pushed. */
  readonly registry: PushedRegistry;
  /** Given to the builders and to git: PATH, HOME, DOCKER_CONFIG, proxies. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Login file for buildah; default: where buildah looks itself. */
  readonly authFile?: string;
  /** Login for the `layers` tool, which knows basic authentication only. */
  readonly login?: (domain: string) => Promise<RegistryLogin | undefined>;
  /** Default `own`: nothing of the user's containers is touched. */
  readonly storage?: 'own' | 'user';
  /** Of buildah; default `chroot`, which needs no container runtime. */
  readonly isolation?: 'chroot' | 'oci' | 'rootless';
  /** `source`: layers carry the commit's time, so that equal input gives equal layers. Default `build`. */
  readonly timestamps?: 'build' | 'source';
  /** Values that must not appear in logs. */
  readonly secrets?: readonly string[];
  /** Bytes per log; default 16 MiB. */
  readonly logCap?: number;
}
