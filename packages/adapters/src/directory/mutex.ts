/** Runs steps one after the other, in the order in which they came. */
export function createMutex(): <T>(step: () => Promise<T>) => Promise<T> {
  let tail: Promise<unknown> = Promise.resolve();
  return (step) => {
    const result = tail.then(step, step);
    tail = result.catch(() => {});
    return result;
  };
}
