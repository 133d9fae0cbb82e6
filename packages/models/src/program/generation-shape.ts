/** Shapes of graphs that generate: some tokens a row go in, and what follows the last of them comes out. */
import { shapeKey, type ShardShape } from '@microtune/shared';

export interface GenerationShape {
  readonly rows: number;
  /** New tokens per row at most. */
  readonly tokens: number;
  /** Tokens per row, before those, whose keys and values are given, at most; 0 where all are new. */
  readonly cached: number;
}

/** As a shard of one sample per row. */
export function shardShapeOf({ rows, tokens }: GenerationShape): ShardShape {
  return { rows, tokens, samplesPerRow: 1 };
}

/** Equal for equal shapes. */
export function generationKey(shape: GenerationShape): string {
  return `${shapeKey(shardShapeOf(shape))}+${shape.cached}`;
}
