/** How many lines had no answer. */
import { MicrotuneError } from '@microtune/shared';
import { counted } from '../output/format.js';

export class Tally {
  #lines = 0;
  #failed = 0;
  #firstError = '';

  add({ error }: { readonly error?: string | undefined }): void {
    this.#lines++;
    if (error === undefined) return;
    if (this.#failed++ === 0) this.#firstError = error;
  }

  get lines(): number {
    return this.#lines;
  }

  /** @throws MicrotuneError `data` when there were lines and none had an answer */
  requireAnswer(): void {
    if (this.#lines === 0 || this.#failed < this.#lines) return;
    const what = this.#lines === 1 ? 'the line has' : `none of ${counted(this.#lines, 'line')} has`;
    throw new MicrotuneError('data', `${what} an answer: ${this.#firstError}`);
  }

  get note(): string | undefined {
    if (this.#failed === 0) return undefined;
    const of = counted(this.#lines, 'line');
    return `${this.#failed} of ${of} have no answer; the first: ${this.#firstError}`;
  }
}
