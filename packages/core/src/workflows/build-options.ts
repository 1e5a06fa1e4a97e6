interface BuildOption {
  readonly name: string;
  readonly about: string;
  readonly default: string | undefined;
  /** The variable that scripts read it from. */
  readonly variable: string;
}

/** What the caller of a ready-made build says about its image. */
export const buildOptions: readonly BuildOption[] = [
  option('image', 'Registry and repository, without a tag', undefined, 'BUILD_IMAGE'),
  option('tags', 'Tags to move, with commas or line ends between', 'latest', 'BUILD_TAGS'),
  option('dockerfile', 'Path of the Dockerfile', 'Dockerfile', 'BUILD_DOCKERFILE'),
  option('context', 'Path of the build context', '.', 'BUILD_CONTEXT'),
  option('target', 'Stage to build', '', 'BUILD_TARGET'),
  option('platforms', "Platforms with commas between; empty: the runner's own", '', 'BUILD_PLATFORMS'),
  option('build_args', 'Build arguments, one NAME=value a line; never secrets', '', 'BUILD_ARGS'),
  option('cache', 'Reference that keeps layers between builds; empty: none', '', 'BUILD_CACHE'),
  option('sbom', 'true, false, or generator=IMAGE', 'true', 'BUILD_SBOM'),
  option('provenance', 'mode=max (tells build arguments), mode=min or false', 'mode=max', 'BUILD_PROVENANCE'),
  option(
    'upstream',
    'https address of the source, where it is not this repository',
    '',
    'UPSTREAM_REPOSITORY',
  ),
  option('upstream_ref', 'Its tag, branch or commit', '', 'UPSTREAM_REF'),
  option(
    'commit_of',
    'repository, or upstream where factory_commit is one of its commits',
    'repository',
    'UPSTREAM_COMMIT_OF',
  ),
  option(
    'patches',
    'Patches of this repository for the upstream source: a folder with *.patch files, or files, one a line, in order',
    '',
    'UPSTREAM_PATCHES',
  ),
  option(
    'own_dockerfile',
    'Path of a Dockerfile in this repository, in the place of the upstream one',
    '',
    'BUILD_OWN_DOCKERFILE',
  ),
];

/** Where the version of a build comes from; without a repository none is asked for. */
export const versionOptions: readonly BuildOption[] = [
  option(
    'version_repository',
    'Repository of the factory directory; empty: no version is asked for',
    '',
    'VERSION_REPOSITORY',
  ),
  option('version_branch', 'Its branch', '', 'VERSION_BRANCH'),
  option('version_directory', 'Folder of the factory directory within it', '', 'VERSION_DIRECTORY'),
  option('version_cli_image', 'Image of image-factory, by digest', '', 'VERSION_CLI_IMAGE'),
  option('version_bump', 'patch, minor or major', 'patch', 'VERSION_BUMP'),
  option('version_channel', 'A pre-release such as beta', '', 'VERSION_CHANNEL'),
];

function option(name: string, about: string, value: string | undefined, variable: string): BuildOption {
  return { name, about, default: value, variable };
}
