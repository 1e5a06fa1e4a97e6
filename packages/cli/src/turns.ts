/** Work that may run beside other work, and work that needs everything to itself. */
export interface Turns {
  shared<T>(work: () => Promise<T>): Promise<T>;
  /** Waits for what runs, and lets nothing else begin until it is done. */
  alone<T>(work: () => Promise<T>): Promise<T>;
}

export function createTurns(): Turns {
  const running = new Set<Promise<unknown>>();
  let last: Promise<unknown> = Promise.resolve();

  async function shared<T>(work: () => Promise<T>): Promise<T> {
    // Another one may have come in between.
    for (let before: unknown; before !== last;) {
      before = last;
      await last;
    }
    const doing = work();
    const ended = doing.catch(() => undefined);
    running.add(ended);
    try {
      return await doing;
    } finally {
      running.delete(ended);
    }
  }

  async function alone<T>(work: () => Promise<T>): Promise<T> {
    const turn = last.then(async () => {
      await Promise.all(running);
      return work();
    });
    last = turn.catch(() => undefined);
    return turn;
  }

  return { shared, alone };
}
