import { FactoryError } from '@image-factory/core/problem.ts';
import { prepareBuildahStore, type BuildahStore } from './buildah-store.ts';
import { buildahTool } from './buildah.ts';
import type { BuildTool, ToolName } from './build-tool.ts';
import { detectBuilder, type FoundBuilder } from './detect.ts';
import { dockerBuildxTool } from './docker-buildx.ts';
import { layersTool } from './layers/layers.ts';
import type { LocalBuilderOptions } from './local-builder-options.ts';

/** The tool that was asked for, or the best one here. Throws BUILDER_MISSING. */
export async function chooseTool(
  options: LocalBuilderOptions,
  idle: () => Promise<boolean>,
): Promise<BuildTool> {
  const environment = definedOnly(options.environment);
  const insecureRegistries = Object.entries(options.registries).flatMap(([domain, { insecure }]) =>
    insecure ? [domain] : [],
  );
  const { version, tool } = await pickBuilder(options.tool, environment);
  if (tool === 'layers')
    return layersTool({
      insecureRegistries,
      login: options.login,
      clock: options.clock,
      registry: options.registry,
    });
  if (tool === 'docker') {
    return dockerBuildxTool({ version, workDir: options.workDir, insecureRegistries, environment });
  }
  let store: Promise<BuildahStore> | undefined;
  return buildahTool({
    version,
    isolation: options.isolation ?? 'chroot',
    store: () => {
      store ??= prepareBuildahStore({
        workDir: options.workDir,
        storage: options.storage ?? 'own',
        insecureRegistries,
        authFile: options.authFile,
        environment,
        idle,
      });
      return store;
    },
  });
}

/** The same choice without opening anything. Throws BUILDER_MISSING. */
export async function pickBuilder(
  wanted: ToolName | 'auto',
  environment: Readonly<Record<string, string>>,
): Promise<FoundBuilder> {
  const found = await detectBuilder(environment);
  const fitting = found.filter((builder) =>
    wanted === 'auto' ? builder.tool !== 'layers' : builder.tool === wanted,
  );
  const usable = fitting.find((builder) => builder.usable);
  if (usable) return usable;
  const limits = fitting.flatMap((builder) =>
    builder.limits.map((limit) => ` ${builder.tool} ${builder.version}: ${limit}`),
  );
  throw new FactoryError({
    code: 'BUILDER_MISSING',
    message: `expected ${wanted === 'auto' ? 'buildah or docker buildx' : wanted} on this machine, found none that works.${limits.join('')}`,
    hint: 'Install buildah (Debian, Ubuntu: apt install buildah; Fedora: dnf install buildah) or docker with buildx.',
  });
}

export function definedOnly(
  environment: Readonly<Record<string, string | undefined>>,
): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(environment).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}
