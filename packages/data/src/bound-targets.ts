/**
 * How many predictions a shard has room for. The output layer of a language model computes one row of logits a place, and prompts
 * need none: with a place a token, half of the largest product of a small model was padding. A shape gets the most that any of its
 * shards counts, rounded up; a shard of a step that was not looked at and counts more has a place a token, one shape more.
 */
import { samplesIn, shapeKey, type Shard, type ShardShape } from '@microtune/shared';

/** Places are multiples of it: what a product computes at once. */
const roundedTo = 32;

export interface TargetBounds {
  /** Those given, each with its bound. */
  readonly shapes: readonly ShardShape[];
  /** The same shard with room for its predictions. */
  bounded(shard: Shard): Shard;
}

/**
 * A pure function of its arguments.
 * @param looked shards that the bounds are taken from
 * @param targets predictions of every sample that count
 */
export function boundTargets(
  shapes: readonly ShardShape[],
  looked: Iterable<Shard>,
  targets: Int32Array,
): TargetBounds {
  const targetsIn = (shard: Shard): number =>
    samplesIn(shard).reduce((sum, sample) => sum + (targets[sample] ?? 0), 0);
  const most = new Map<string, number>();
  for (const shard of looked) {
    const key = shapeKey(shard.shape);
    most.set(key, Math.max(most.get(key) ?? 0, targetsIn(shard)));
  }
  const boundOf = (shape: ShardShape): number => {
    const rounded = Math.ceil((most.get(shapeKey(shape)) ?? Infinity) / roundedTo) * roundedTo;
    return Math.max(1, Math.min(shape.rows * shape.tokens, rounded));
  };
  const withRoom = (shape: ShardShape, targetTokens: number): ShardShape => ({
    ...shape,
    targetTokens,
  });
  return {
    shapes: shapes.map((shape) => withRoom(shape, boundOf(shape))),
    bounded: (shard) => {
      const { shape } = shard;
      const bound = boundOf(shape);
      const fits = targetsIn(shard) <= bound;
      return { ...shard, shape: withRoom(shape, fits ? bound : shape.rows * shape.tokens) };
    },
  };
}
