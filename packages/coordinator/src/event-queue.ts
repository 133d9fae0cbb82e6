/** Events from several sources in the order of their arrival, read by one loop. */
export interface EventQueue<T> extends AsyncIterable<T> {
  push(event: T): void;
  /** Makes the reader throw, after the events before. */
  fail(error: unknown): void;
}

export function createEventQueue<T>(): EventQueue<T> {
  const waiting: T[] = [];
  let failure: { error: unknown } | undefined;
  let wake: () => void = () => undefined;
  return {
    push: (event) => {
      waiting.push(event);
      wake();
    },
    fail: (error) => {
      failure ??= { error };
      wake();
    },
    async *[Symbol.asyncIterator]() {
      for (;;) {
        const event = waiting.shift();
        if (event !== undefined) yield event;
        else if (failure !== undefined) throw failure.error;
        else
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
      }
    },
  };
}
