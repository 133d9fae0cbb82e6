/**
 * Makes the batch of a shard: one buffer per input that the program declares, each filled by the task's recipe for that
 * name. Buffers are made once per shape, because engines know a buffer again by its identity.
 */
import { assert, shapeKey, type Shard, type ShardShape } from '@microtune/shared';
import { bufferOf, type InputBuffer, type InputSpec } from './input-spec.js';

/** The padded batch of one shard. Its buffers are reused by the next batch of the same shape. */
export interface Batch {
  readonly shape: ShardShape;
  /** Sample indices of each real row; fewer than `shape.rows` when rows are empty. */
  readonly rows: Shard['rows'];
  /** By the names of the program's inputs. */
  readonly inputs: Readonly<Record<string, InputBuffer>>;
  /** Number of labels counted: what the sum of the losses is divided by. */
  readonly weight: number;
}

/** @throws MicrotuneError `internal` for a shard that does not fit its own shape */
export type Collate = (shard: Shard) => Batch;

/** Fills one input; the buffer still holds what the last shard of its shape left. */
export type Fill = (into: InputBuffer, shard: Shard) => void;

export interface Recipe {
  /** By the names of the inputs that the task can give. */
  readonly fills: Readonly<Record<string, Fill>>;
  /** @throws MicrotuneError `internal` for a shard that does not fit its own shape */
  check(shard: Shard): void;
  /** Labels that a shard counts. */
  weigh(shard: Shard): number;
}

/** @throws MicrotuneError `internal` for an input that the task does not know */
export function createCollator(specs: readonly InputSpec[], recipe: Recipe): Collate {
  const { fills, check, weigh } = recipe;
  for (const { name } of specs)
    assert(fills[name], `the task gives no input "${name}", only ${Object.keys(fills).join(', ')}`);
  const known = new Map<string, Batch['inputs']>();
  return (shard) => {
    check(shard);
    const { shape, rows } = shard;
    const key = shapeKey(shape);
    const inputs =
      known.get(key) ?? Object.fromEntries(specs.map((spec) => [spec.name, bufferOf(spec, shape)]));
    known.set(key, inputs);
    for (const [name, into] of Object.entries(inputs)) fills[name]?.(into, shard);
    return { shape, rows, inputs, weight: weigh(shard) };
  };
}
