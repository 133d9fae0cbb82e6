/**
 * The few shapes of a run. Every shape is compiled once (about a second), every shard costs a fixed overhead, every padded
 * token is waste; so the set of shapes is searched for: a sample of batches as the run will see them is cut with
 * proposed sets, and a proposal is taken as long as it is not worse by more than a threshold that falls to zero
 * (threshold accepting: Dueck and Scheuer, 1990). A pure function of lengths and configuration; the number of steps is not
 * among them, so a run that is prolonged keeps its shapes. Figures: docs/decisions/0003-shard-shapes.md.
 */
import { CutTable, shapeCost, type CostedShape } from './cut-shards.js';
import { createRandom, permutation, purposes } from './random.js';
import type { ShardShape } from '@microtune/shared';
import type { Random } from './random.js';

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
  /** Token lengths to pad to, ascending; the last fits every sample. */
  readonly widths: readonly number[];
  readonly maxRows: number;
  readonly microBatchTokens: number;
  /** Cost of one more shape, in tokens' worth of time. */
  readonly compileTokens: number;
  readonly maxShapes: number;
  readonly table: CutTable;
}

/** A shape with its place among the widths. */
interface Candidate extends CostedShape {
  readonly width: number;
}

/** 0.8 s of compilation at 3,000-7,500 tokens/s; less where the engine keeps compiled graphs. */
const trainingCompileTokens = 3000;
const maxTrainingShapes = 7;
/** Forward graphs compile faster, their tokens run three times as fast, and a run evaluates more than once. */
const evaluationCompileTokens = 2000;
const maxEvaluationShapes = 4;
/** Shorter data sets are taken for this many steps: their runs last several epochs. */
const nominalSteps = 100;
/** More rows or rounds improved the estimate by less than 1 %, for 40 ms each. */
const sampledTrainingRows = 1024;
const sampledEvaluationRows = 4096;
const trainingRounds = 1000;
const evaluationRounds = 1000;
/** Share of the cost that a proposal may be worse by in the first round. */
const firstThreshold = 0.03;

/** @returns shapes, longest first; the longest fits every sample */
export function chooseShapes(request: ShapeRequest): ShardShape[] {
  const { lengths, trainBatchSize, seed } = request;
  const batchRows = Math.min(trainBatchSize, lengths.length);
  const steps = Math.ceil(lengths.length / batchRows);
  const order = permutation(lengths.length, createRandom([purposes.shapes, seed]));
  const sampled = Math.min(steps, Math.max(2, Math.ceil(sampledTrainingRows / batchRows)));
  const batches = Array.from({ length: sampled }, (_, step) =>
    descending(
      order
        .subarray(step * batchRows, (step + 1) * batchRows)
        .map((sample) => lengths[sample] ?? 0),
    ),
  );
  const job: Search = {
    batches,
    scale: Math.max(steps, nominalSteps) / sampled,
    widths: widthsFor(request),
    maxRows: batchRows,
    microBatchTokens: request.microBatchTokens,
    compileTokens: trainingCompileTokens,
    maxShapes: maxTrainingShapes,
    table: new CutTable(batchRows),
  };
  return search(job, createRandom([purposes.shapes, seed, 1]), trainingRounds);
}

/** Shapes to run a whole split once, sorted by length. @returns as `chooseShapes` */
export function chooseEvaluationShapes(
  request: Pick<ShapeRequest, 'lengths' | 'microBatchTokens' | 'maxSeqLength'>,
): ShardShape[] {
  const { lengths } = request;
  const scale = Math.ceil(lengths.length / sampledEvaluationRows);
  const batch = descending(lengths).filter((_, index) => index % scale === 0);
  const job: Search = {
    batches: [batch],
    scale,
    widths: widthsFor(request),
    maxRows: lengths.length,
    microBatchTokens: request.microBatchTokens,
    compileTokens: evaluationCompileTokens,
    maxShapes: maxEvaluationShapes,
    table: new CutTable(batch.length),
  };
  return search(job, createRandom([purposes.shapes]), evaluationRounds);
}

const descending = (lengths: Int32Array): Int32Array => lengths.slice().sort().reverse();

/** Multiples of 8, coarser where rows are long; the last one fits the longest sample. */
function widthsFor({
  lengths,
  maxSeqLength,
}: Pick<ShapeRequest, 'lengths' | 'maxSeqLength'>): number[] {
  const longest = lengths.reduce((most, length) => Math.max(most, length), 1);
  const widths: number[] = [];
  let width = 8;
  while (width < longest) {
    widths.push(width);
    width += width < 128 ? 8 : width < 256 ? 16 : 32;
  }
  return [...widths, Math.max(longest, Math.min(width, maxSeqLength))];
}

const widthAt = (job: Search, width: number): number => job.widths[width] ?? 1;

function search(job: Search, random: Random, rounds: number): ShardShape[] {
  const widest = candidate(job, job.widths.length - 1, job.maxRows);
  let [current, cost] = [[widest], totalCost(job, [widest], Infinity)];
  let [best, bestCost] = [current, cost];
  for (let round = 0; round < rounds; round++) {
    const cooled = 1 - round / rounds;
    const limit = cost * (1 + firstThreshold * cooled * cooled);
    const proposal = proposed(job, current, random);
    if (proposal === undefined) continue;
    const proposalCost = totalCost(job, proposal, limit);
    if (proposalCost >= limit) continue;
    [current, cost] = [proposal, proposalCost];
    if (cost < bestCost) [best, bestCost] = [current, cost];
  }
  return best
    .map(({ rows, tokens }) => ({ rows, tokens }))
    .sort((a, b) => b.tokens - a.tokens || b.rows - a.rows);
}

/** As many of `rows` as fit into a shard of this width, at least one. */
function candidate(job: Search, width: number, rows: number): Candidate {
  const tokens = widthAt(job, width);
  const fit = Math.min(job.maxRows, Math.floor(job.microBatchTokens / tokens));
  const shape = { rows: Math.max(1, Math.min(rows, fit)), tokens };
  // A literal, not a spread: V8 reads it four times as fast, and the search does little else.
  return { rows: shape.rows, tokens, width, cost: shapeCost(shape) };
}

/** Another set: a shape added, removed, exchanged or changed a little; undefined when it would not do. */
function proposed(job: Search, current: Candidate[], random: Random): Candidate[] | undefined {
  const any = (): Candidate => {
    const width = random.below(job.widths.length);
    const fit = Math.min(job.maxRows, Math.floor(job.microBatchTokens / widthAt(job, width)));
    return candidate(job, width, 1 + random.below(Math.max(1, fit)));
  };
  const position = random.below(current.length);
  const shape = current[position] ?? any();
  const move = random.below(100);
  const next =
    move < 20
      ? [...current, any()]
      : move < 35
        ? current.filter((_, index) => index !== position)
        : current.with(position, move < 60 ? any() : neighbour(job, shape, random));
  const last = job.widths.length - 1;
  const fits = next.length <= job.maxShapes && next.some((shape) => shape.width === last);
  return fits ? next : undefined;
}

function neighbour(job: Search, shape: Candidate, random: Random): Candidate {
  const width = Math.max(0, Math.min(job.widths.length - 1, shape.width + random.below(3) - 1));
  return candidate(job, width, Math.max(1, shape.rows + random.below(5) - 2));
}

/** Stops counting above `limit`. */
function totalCost(job: Search, shapes: readonly Candidate[], limit: number): number {
  let cost = job.compileTokens * shapes.length;
  for (const batch of job.batches) {
    cost += job.table.cut(batch, shapes) * job.scale;
    if (cost > limit) return Infinity;
  }
  return cost;
}
