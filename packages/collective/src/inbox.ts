/**
 * A queue between a socket and its one reader: items in order, then an end or a failure that stays. With a limit,
 * `room` lets the filler wait until the reader has caught up.
 */
import { assert } from '@microtune/shared';

interface Waiter<Item> {
  resolve(item: Item | undefined): void;
  reject(error: unknown): void;
}

export class Inbox<Item> {
  readonly #limit: number;
  readonly #items: Item[] = [];
  #waiter: Waiter<Item> | undefined;
  #roomWaiter: (() => void) | undefined;
  #end: { error: unknown } | undefined;

  constructor(limit = Infinity) {
    this.#limit = limit;
  }

  push(item: Item): void {
    if (this.#end) return;
    const waiter = this.#waiter;
    this.#waiter = undefined;
    if (waiter) waiter.resolve(item);
    else this.#items.push(item);
  }

  /** No more items: readers get what is queued, then undefined, or the error thrown. Only the first call counts. */
  finish(error?: unknown): void {
    if (this.#end) return;
    this.#end = { error };
    const waiter = this.#waiter;
    this.#waiter = undefined;
    if (waiter) this.#settleEnd(waiter, error);
    this.#roomWaiter?.();
  }

  get finished(): boolean {
    return this.#end !== undefined;
  }

  /** The next item; undefined after the end. @throws the error given to `finish` */
  next(): Promise<Item | undefined> {
    assert(!this.#waiter, 'two readers of one inbox');
    const item = this.#items.shift();
    if (item !== undefined) {
      if (this.#items.length < this.#limit) this.#roomWaiter?.();
      return Promise.resolve(item);
    }
    return new Promise((resolve, reject) => {
      const waiter = { resolve, reject };
      if (this.#end) this.#settleEnd(waiter, this.#end.error);
      else this.#waiter = waiter;
    });
  }

  /** Resolves when fewer than the limit are queued, or at the end. */
  room(): Promise<void> {
    if (this.#items.length < this.#limit || this.#end) return Promise.resolve();
    return new Promise((resolve) => {
      this.#roomWaiter = () => {
        this.#roomWaiter = undefined;
        resolve();
      };
    });
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Item> {
    for (;;) {
      const item = await this.next();
      if (item === undefined) return;
      yield item;
    }
  }

  #settleEnd(waiter: Waiter<Item>, error: unknown): void {
    if (error === undefined) waiter.resolve(undefined);
    else waiter.reject(error);
  }
}
