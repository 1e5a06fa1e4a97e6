/** git-check-ref-format's rules for a branch. */
export function isBranchName(name: string): boolean {
  return (
    name.length <= 240 &&
    !name.startsWith('-') &&
    !/[\s\p{Cc}~^:?*[\\]|\.\.|@\{|\/\/|\/\.|\.lock(\/|$)|[./]$|^[./]|^$/u.test(name) &&
    name !== '@' &&
    name !== 'HEAD'
  );
}
