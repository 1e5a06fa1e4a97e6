/** What of an image is written into a file: its tag, its digest, or `repository:tag@digest`. */
export type WrittenPart = 'tag' | 'digest' | 'reference';

interface UserPlace {
  readonly provider: 'github' | 'gitlab' | 'gitea' | 'forgejo';
  /** `owner/name`, or a URL; `.` is the factory's own repository. */
  readonly repo: string;
  readonly branch: string;
  /** Push the change, or propose it. */
  readonly mode: 'push' | 'pull-request';
}

/** A place in a repository that names one of our images, to be kept up to date. */
export type ImageUser = UserPlace &
  (
    | {
        readonly format: 'kustomize';
        /** Folders, each with a kustomization. */
        readonly paths: readonly string[];
        /** As it stands in the kustomizations; undefined: the image's own repository. */
        readonly image: string | undefined;
        readonly part: 'tag' | 'digest';
      }
    | {
        readonly format: 'yaml' | 'helm';
        /** Files. */
        readonly paths: readonly string[];
        /** By dotted key: `image.tag`. */
        readonly keys: Readonly<Record<string, WrittenPart>>;
      }
  );
