/**
 * Keys and values of the tokens so far, of several rows, in host memory: [R, K, C, D] for each attention, which is what a graph reads
 * in place. New ones are written behind a row's last; nothing is ever moved but when a row needs more places than there are.
 *
 * Letters: R rows, K heads of keys, C places, T new tokens, D width of a head.
 */
import type { TensorSpec } from '@microtune/engine';
import { keptNameOf } from '@microtune/models';
import { assert } from '@microtune/shared';

/** One array of keys or values. */
interface Part {
  /** Of the graph's output that gives new ones. */
  readonly output: string;
  /** Of its input that reads those kept. */
  readonly input: string;
  readonly heads: number;
  readonly width: number;
}

/** New keys and values as a graph gave them, [R, K, T, D] each. */
export interface NewTokens {
  readonly outputs: Readonly<Record<string, ArrayLike<number>>>;
  /** T of the graph. */
  readonly tokens: number;
}

export class KeptTokens {
  /** By the names of a graph's inputs. */
  readonly inputs: Readonly<Record<string, Float32Array>>;
  readonly rows: number;
  /** Places per row. */
  readonly capacity: number;
  readonly #parts: readonly (Part & { readonly values: Float32Array })[];

  private constructor(rows: number, capacity: number, parts: readonly Part[]) {
    this.rows = rows;
    this.capacity = capacity;
    this.#parts = parts.map((part) => ({
      ...part,
      values: new Float32Array(rows * part.heads * capacity * part.width),
    }));
    this.inputs = Object.fromEntries(this.#parts.map(({ input, values }) => [input, values]));
  }

  /** @param outputs of any graph that generates */
  static for(
    outputs: readonly TensorSpec[],
    { rows, capacity }: { readonly rows: number; readonly capacity: number },
  ): KeptTokens {
    const parts = outputs.flatMap(({ name, shape: [, heads = 0, , width = 0] }) => {
      const input = keptNameOf(name);
      return input === undefined ? [] : [{ output: name, input, heads, width }];
    });
    return new KeptTokens(rows, capacity, parts);
  }

  /**
   * Writes `count` tokens of a graph's row behind those that a row has.
   * @param from the row of the outputs
   * @param place of the first of them
   */
  write(
    { outputs, tokens }: NewTokens,
    { row, from, place, count }: { row: number; from: number; place: number; count: number },
  ): void {
    assert(place + count <= this.capacity, `${count} tokens at ${place} of ${this.capacity}`);
    for (const { output, heads, width, values } of this.#parts) {
      const given = outputs[output];
      assert(given, `the graph gave ${output}`);
      for (let head = 0; head < heads; head++) {
        let source = (from * heads + head) * tokens * width;
        let target = ((row * heads + head) * this.capacity + place) * width;
        // A loop and not `set`, which would make a view for every head of every layer of every token.
        for (const end = source + count * width; source < end;) values[target++] = given[source++]!;
      }
    }
  }

  /** The same with more places. */
  grown(capacity: number): KeptTokens {
    const larger = new KeptTokens(this.rows, capacity, this.#parts);
    this.#parts.forEach(({ heads, width, values }, index) => {
      const into = larger.#parts[index]?.values;
      for (let list = 0; list < this.rows * heads; list++) {
        const own = values.subarray(
          list * this.capacity * width,
          (list + 1) * this.capacity * width,
        );
        into?.set(own, list * capacity * width);
      }
    });
    return larger;
  }
}
