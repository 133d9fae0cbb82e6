/** Shapes of graphs that generate: some tokens a row go in, and what follows the last of them comes out. */
import { shapeKey, type ShardShape } from '@microtune/shared';
import { graphNames } from './program.js';

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

const partsOf = [
  { output: graphNames.newKey(''), input: graphNames.keptKey },
  { output: graphNames.newValue(''), input: graphNames.keptValue },
] as const;

/** The input that reads what an output gave in runs before; undefined for an output that nothing keeps. */
export function keptNameOf(output: string): string | undefined {
  const part = partsOf.find((each) => output.startsWith(each.output));
  return part?.input(output.slice(part.output.length));
}
