export type Mutex = <T>(step: () => Promise<T>) => Promise<T>;

/** Runs steps one after the other, in the order in which they came. */
export function createMutex(): Mutex {
  let tail: Promise<unknown> = Promise.resolve();
  return (step) => {
    const result = tail.then(step, step);
    tail = result.catch(() => {});
    return result;
  };
}
