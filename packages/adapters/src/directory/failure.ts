import { FactoryError } from '@image-factory/core/problem.ts';
import { codeOf } from './process-lock.ts';

/** A file system's failure on the state folder as the error that the port promises. */
export function directoryError(error: unknown, root: string): Error {
  if (error instanceof FactoryError) return error;
  const code = codeOf(error);
  if (code === '') return error instanceof Error ? error : new Error(String(error));
  const [what, hint] = explain(code, error);
  return new FactoryError(
    { code: 'STATE_UNREACHABLE', message: `the state in ${root} cannot be used: ${what}`, hint },
    { cause: error },
  );
}

function explain(code: string, error: unknown): readonly [string, string] {
  const path =
    error instanceof Error && 'path' in error && typeof error.path === 'string' ? ` (${error.path})` : '';
  switch (code) {
    case 'ENOSPC':
    case 'EDQUOT':
    case 'EFBIG':
      return [
        'there is no space left on the disk; no file was changed',
        'Free some space and run again: nothing is lost.',
      ];
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return [
        `it may not be read or written${path}`,
        'Give the user that runs the factory the right to read and write this folder.',
      ];
    case 'ENOTDIR':
    case 'EISDIR':
    case 'ENOTEMPTY':
    case 'EEXIST':
      return [
        `a file stands where a folder should be, or the other way round${path}`,
        'Remove what does not belong into the state folder.',
      ];
    default:
      return [`${error instanceof Error ? error.message : code}`, 'Check the disk.'];
  }
}

/** Something in the state folder that no state has. */
export function corruptState(path: string, what: string): FactoryError {
  return new FactoryError({
    code: 'STATE_CORRUPT',
    message: `${path} ${what}`,
    hint: 'The state folder holds regular files and folders only: move this one away.',
    place: { file: path },
  });
}
