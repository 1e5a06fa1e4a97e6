import { userInfo } from 'node:os';
import type { Io } from './io.ts';

/** Who is at the command line, for the record. A container may run as a user who has no name. */
export function personOf(io: Io): string {
  const named = io.env['IMAGE_FACTORY_USER'];
  if (named !== undefined) return named;
  try {
    return userInfo().username;
  } catch {
    return 'unknown';
  }
}
