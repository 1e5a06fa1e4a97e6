/** At most so many at once; the others wait in order of arrival. */
export interface Slots {
  /** Resolves with the call that gives the slot back. Rejects with the signal's reason. */
  take(signal: AbortSignal): Promise<() => void>;
}

export function createSlots(count: number): Slots {
  let free = count;
  const waiting: (() => void)[] = [];

  function giveBack(): void {
    const next = waiting.shift();
    if (next) next();
    else free += 1;
  }

  return {
    take(signal) {
      return new Promise((resolve, reject) => {
        if (signal.aborted) return reject(signal.reason as Error);
        let given = false;
        const once = () => {
          if (given) return;
          given = true;
          giveBack();
        };
        if (free > 0) {
          free -= 1;
          return resolve(once);
        }
        const grant = () => {
          signal.removeEventListener('abort', leave);
          resolve(once);
        };
        const leave = () => {
          waiting.splice(waiting.indexOf(grant), 1);
          reject(signal.reason as Error);
        };
        waiting.push(grant);
        signal.addEventListener('abort', leave, { once: true });
      });
    },
  };
}
