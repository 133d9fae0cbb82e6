/** Collects samples one by one into columns that grow by doubling. */
import { assert } from '@microtune/shared';
import { setBit } from './bits.js';
import type { CausalSamples } from './samples.js';

export interface CollectedSample {
  readonly ids: ArrayLike<number>;
  /** [tokens] 1 for a token that is learned. */
  readonly flags: Uint8Array;
  /** The row of the files, from 0. */
  readonly row: number;
  /** Of a row that is longer. */
  readonly isCut: boolean;
}

const maxTokens = 2 ** 31 - 1;

export class SampleCollector {
  #ids = new Int32Array(1024);
  #learned = new Uint8Array(128);
  #tokens = 0;
  readonly #offsets: number[] = [0];
  readonly #targets: number[] = [];
  readonly #rows: number[] = [];
  readonly #cut: number[] = [];

  add({ ids, flags, row, isCut }: CollectedSample): void {
    const end = this.#tokens + ids.length;
    assert(end <= maxTokens, 'more than 2^31 tokens in one data set');
    this.#reserve(end);
    this.#ids.set(ids, this.#tokens);
    let targets = 0;
    flags.forEach((flag, at) => {
      if (flag === 0) return;
      setBit(this.#learned, this.#tokens + at);
      if (at > 0) targets++;
    });
    this.#tokens = end;
    this.#offsets.push(end);
    this.#targets.push(targets);
    this.#rows.push(row);
    this.#cut.push(Number(isCut));
  }

  finish(): CausalSamples {
    const offsets = Int32Array.from(this.#offsets);
    return {
      size: this.#rows.length,
      offsets,
      lengths: offsets.subarray(1).map((end, sample) => end - (offsets[sample] ?? 0)),
      ids: this.#ids.slice(0, this.#tokens),
      learned: this.#learned.slice(0, Math.ceil(this.#tokens / 8)),
      targets: Int32Array.from(this.#targets),
      rows: Int32Array.from(this.#rows),
      cut: Uint8Array.from(this.#cut),
    };
  }

  #reserve(tokens: number): void {
    if (tokens <= this.#ids.length) return;
    const capacity = Math.min(maxTokens, Math.max(tokens, 2 * this.#ids.length));
    const ids = new Int32Array(capacity);
    ids.set(this.#ids);
    this.#ids = ids;
    const learned = new Uint8Array(Math.ceil(capacity / 8));
    learned.set(this.#learned);
    this.#learned = learned;
  }
}
