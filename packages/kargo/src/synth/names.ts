import { shortName } from '@image-factory/core/reference/short-name.ts';

/** Names of resources by what they are for: valid, at most 50 characters, each given once within its kind. */
export interface Names {
  /** The same prefix and subject get the same name again. */
  readonly of: (kind: string, prefix: string, subject: string) => string;
}

export function newNames(): Names {
  const given = new Map<string, string>();
  const owners = new Map<string, string>();
  return {
    of(kind, prefix, subject) {
      const identity = `${kind}\n${prefix}\n${subject}`;
      const known = given.get(identity);
      if (known !== undefined) return known;
      const text = subject === '' ? prefix : `${prefix}-${subject}`;
      let name = shortName(text, identity);
      for (let length = 8; owners.has(`${kind}\n${name}`); length += 4)
        name = shortName(text, identity, 50, length);
      given.set(identity, name);
      owners.set(`${kind}\n${name}`, identity);
      return name;
    },
  };
}
