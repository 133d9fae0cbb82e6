/**
 * Reading goes on while the reader's user works: what came meanwhile is given together, so a slow source is passed on
 * piece by piece and a fast one in full groups, without a timer.
 */

/** @param limit items given together, and held, at most (a piece that is larger is given in parts) */
export async function* readAhead<Item>(
  source: AsyncIterable<readonly Item[]>,
  limit: number,
): AsyncGenerator<Item[]> {
  const reader = new Reader(source, limit);
  try {
    for (let items = await reader.take(); items.length > 0; items = await reader.take())
      yield items;
  } finally {
    reader.stop();
  }
}

class Reader<Item> {
  readonly #limit: number;
  #held: Item[] = [];
  #failure: { readonly error: unknown } | undefined;
  #done = false;
  #stopped = false;
  #changed = signal();

  constructor(source: AsyncIterable<readonly Item[]>, limit: number) {
    this.#limit = limit;
    void this.#read(source);
  }

  /** Empty at the end. @throws what the source throws, after all that came before */
  async take(): Promise<Item[]> {
    while (this.#held.length === 0 && !this.#done) await this.#changed.promise;
    if (this.#held.length === 0 && this.#failure !== undefined) throw this.#failure.error;
    const items = this.#held.slice(0, this.#limit);
    this.#held = this.#held.slice(this.#limit);
    this.#tell();
    return items;
  }

  stop(): void {
    this.#stopped = true;
    this.#tell();
  }

  async #read(source: AsyncIterable<readonly Item[]>): Promise<void> {
    try {
      for await (const items of source) {
        this.#held = [...this.#held, ...items];
        this.#tell();
        while (this.#held.length >= this.#limit && !this.#stopped) await this.#changed.promise;
        if (this.#stopped) break;
      }
    } catch (error) {
      this.#failure = { error };
    }
    this.#done = true;
    this.#tell();
  }

  #tell(): void {
    const { resolve } = this.#changed;
    this.#changed = signal();
    resolve();
  }
}

function signal(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve: () => void = () => undefined;
  const promise = new Promise<void>((done) => (resolve = done));
  return { promise, resolve };
}

/** Asks for the next value before the last one is used. */
export async function* oneAhead<Value>(source: AsyncIterable<Value>): AsyncGenerator<Value> {
  const iterator = source[Symbol.asyncIterator]();
  try {
    for (let next = iterator.next(); ;) {
      const { done, value } = await next;
      if (done === true) return;
      next = iterator.next();
      // Whoever awaits it sees its error; nobody does after a break.
      next.catch(() => undefined);
      yield value;
    }
  } finally {
    void iterator.return?.();
  }
}
