/** git-check-ref-format's rules for a branch. */
export function isBranchName(name: string): boolean {
  return (
    name.length <= 240 &&
    /^[^\s~^:?*[\\\u0000-\u001f\u007f-]/.test(name) &&
    !/[\s~^:?*[\\\u0000-\u001f\u007f]|\.\.|@\{|\/\/|\/\.|\.lock(\/|$)|[./]$|^[./]/.test(name) &&
    name !== '@' &&
    name !== 'HEAD'
  );
}
