/**
 * The few shapes of a run. Every shape is compiled once (about a second), every shard costs a fixed overhead, every padded
 * token is waste; so shapes are searched for: batches as the run will see them are drawn, and shapes are added and
 * exchanged one by one as long as the estimated cost of an epoch with its compilations falls.
 * A pure function of lengths and configuration; the number of steps is not among them, so that a run
 * that is prolonged keeps its shapes. Figures: docs/decisions/0003-shard-shapes.md.
 */
import { cheapestCut, shapeTable } from './cut-shards.js';
import { createRandom, permutation, purposes } from './random.js';
import type { ShardShape } from '@microtune/shared';

export interface ShapeRequest {
  /** Tokens of every sample. */
  readonly lengths: Int32Array;
  /** Rows per optimizer step. */
  readonly trainBatchSize: number;
  /** Padded tokens per shard at most, unless a single row is longer. */
  readonly microBatchTokens: number;
  /** Padding never goes beyond it: the model may have no more positions. */
  readonly maxSeqLength: number;
  readonly seed: number;
}

interface Search {
  /** Sorted lengths, descending, of each sampled batch. */
  readonly batches: readonly Int32Array[];
  /** Batches in the whole job for each sampled one. */
  readonly scale: number;
  readonly candidates: readonly ShardShape[];
  /** Cost of one more shape, in tokens' worth of time. */
  readonly compileTokens: number;
  readonly maxShapes: number;
}

const maxSampledRows = 2048;
/** 0.8 s of compilation at 6,000 tokens/s. */
const trainingCompileTokens = 5000;
const maxTrainingShapes = 7;
/** A forward graph compiles in less, but its tokens are three times as fast. */
const evaluationCompileTokens = 4000;
const maxEvaluationShapes = 4;
/** Runs this long amortize their compilations; shorter data sets are taken for as long. */
const nominalSteps = 100;

/** @returns shapes, longest first; the longest fits every sample */
export function chooseShapes(request: ShapeRequest): ShardShape[] {
  const { lengths, trainBatchSize } = request;
  const batchRows = Math.min(trainBatchSize, lengths.length);
  const steps = Math.ceil(lengths.length / batchRows);
  const order = permutation(lengths.length, createRandom([purposes.shapes, request.seed]));
  const sampled = Math.min(steps, Math.max(4, Math.ceil(maxSampledRows / batchRows)));
  const batches = Array.from({ length: sampled }, (_, step) =>
    descending(order.subarray(step * batchRows, (step + 1) * batchRows).map((sample) => lengths[sample]!)),
  );
  return search({
    batches,
    scale: Math.max(steps, nominalSteps) / sampled,
    candidates: candidates({ ...request, longest: longestOf(lengths), rows: batchRows }),
    compileTokens: trainingCompileTokens,
    maxShapes: maxTrainingShapes,
  });
}

/** Shapes to run a whole split once, sorted by length. @returns as `chooseShapes` */
export function chooseEvaluationShapes(
  request: Pick<ShapeRequest, 'lengths' | 'microBatchTokens' | 'maxSeqLength'>,
): ShardShape[] {
  const { lengths } = request;
  const stride = Math.ceil(lengths.length / (2 * maxSampledRows));
  const batch = descending(lengths).filter((_, index) => index % stride === 0);
  return search({
    batches: [batch],
    scale: stride,
    candidates: candidates({ ...request, longest: longestOf(lengths), rows: lengths.length }),
    compileTokens: evaluationCompileTokens,
    maxShapes: maxEvaluationShapes,
  });
}

const descending = (lengths: Int32Array): Int32Array => lengths.slice().sort().reverse();
const longestOf = (lengths: Int32Array): number => lengths.reduce((longest, length) => Math.max(longest, length), 1);

/** Row counts worth trying; between them the difference is below the noise of the estimate. */
const rowCounts = [1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24, 32, 40, 48, 64, 96, 128, 192, 256];

/** Token lengths are multiples of 8, coarser where rows are long; row counts fill `microBatchTokens` or a part of it. */
function candidates(request: {
  longest: number;
  rows: number;
  microBatchTokens: number;
  maxSeqLength: number;
}): ShardShape[] {
  const { longest, microBatchTokens, maxSeqLength } = request;
  const found: ShardShape[] = [];
  for (let tokens = 8; ; tokens += tokens < 128 ? 8 : tokens < 256 ? 16 : 32) {
    const isLast = tokens >= longest;
    const width = isLast ? Math.max(longest, Math.min(tokens, maxSeqLength)) : tokens;
    const fit = Math.min(request.rows, Math.max(1, Math.floor(microBatchTokens / width)));
    for (const rows of rowCounts) if (rows < fit) found.push({ rows, tokens: width });
    found.push({ rows: fit, tokens: width });
    if (isLast) return found;
  }
}

/** Greedy growth from the best single shape, then one exchange of each shape for a better one. */
function search(job: Search): ShardShape[] {
  let { chosen, cost } = bestOf(job, (shape) => [shape]);
  while (chosen.length < job.maxShapes) {
    const grown = bestOf(job, (shape) => [...chosen, shape]);
    if (grown.cost >= cost) break;
    ({ chosen, cost } = grown);
  }
  for (let position = 0; position < chosen.length; position++) {
    const exchanged = bestOf(job, (shape) => chosen.with(position, shape));
    if (exchanged.cost < cost) ({ chosen, cost } = exchanged);
  }
  return [...chosen].sort((a, b) => b.tokens - a.tokens || b.rows - a.rows);
}

function bestOf(
  job: Search,
  proposal: (shape: ShardShape) => ShardShape[],
): { chosen: ShardShape[]; cost: number } {
  let best: { chosen: ShardShape[]; cost: number } = { chosen: [], cost: Infinity };
  const longest = job.candidates.at(-1)!.tokens;
  for (const candidate of job.candidates) {
    const chosen = proposal(candidate);
    // Longer rows than those sampled exist: the longest length must stay among the shapes.
    if (!chosen.some((shape) => shape.tokens >= longest)) continue;
    const cost = totalCost(job, chosen, best.cost);
    if (cost < best.cost) best = { chosen, cost };
  }
  return best;
}

/** Stops counting above `limit`. */
function totalCost(job: Search, shapes: readonly ShardShape[], limit: number): number {
  const table = shapeTable(shapes);
  let cost = job.compileTokens * shapes.length;
  for (const batch of job.batches) {
    cost += cheapestCut(batch, table).cost * job.scale;
    if (cost >= limit) return Infinity;
  }
  return cost;
}

