/**
 * The few shapes of a run, and how far its rows are packed. Every shape is compiled once (about a second), every shard
 * costs a fixed overhead, every padded token is waste; so the set of shapes is searched for: a sample of batches as the
 * run will see them is cut with proposed sets, and a proposal is taken as long as it is not worse by more than a
 * threshold that falls to zero (threshold accepting: Dueck and Scheuer, 1990). A short search for each of a few packings
 * tells which one is worth a long one. A pure function of lengths and configuration; the number of steps is not
 * among them, so a run that is prolonged keeps its shapes. Figures: docs/decisions/0003-shard-shapes.md.
 */
import { CutTable, shapeCost, type CostedShape } from './cut-shards.js';
import { createRandom, permutation, purposes } from './random.js';
import { packRows, unpacked, type Packing } from './pack-rows.js';
import { assert, type ShardShape } from '@microtune/shared';
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
  /** Samples may share rows; default true. */
  readonly mayPack?: boolean | undefined;
  readonly seed: number;
}

/** How the samples of a run or of an evaluation lie in shards. */
export interface ShardForms {
  /** Longest first; the longest fits every row. */
  readonly shapes: readonly ShardShape[];
  readonly packing: Packing;
}

/** What a search is about, whatever the packing. */
interface Job {
  /** Tokens of each sample of each sampled batch, descending. */
  readonly batches: readonly Int32Array[];
  /** Batches in the whole job for each sampled one. */
  readonly scale: number;
  readonly microBatchTokens: number;
  readonly maxSeqLength: number;
  /** Cost of one more shape, in tokens' worth of time. */
  readonly compileTokens: number;
  readonly maxShapes: number;
  readonly mayPack?: boolean | undefined;
  readonly random: Random;
}

interface Search {
  /** Tokens of each packed row of each sampled batch, descending. */
  readonly batches: readonly Int32Array[];
  /** Batches in the whole job for each sampled one. */
  readonly scale: number;
  /** Token lengths to pad to, ascending; the last fits every row. */
  readonly widths: readonly number[];
  readonly maxRows: number;
  readonly samplesPerRow: number;
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
const rounds = 1000;
/** Enough to tell packings apart. */
const trialRounds = 200;
/** Share of the cost that a proposal may be worse by in the first round. */
const firstThreshold = 0.03;

/** Tokens to fill rows up to. */
const packedRowTokens = [32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024];
/** Share of the rows whose samples all find room; in the others the shortest samples are more than is worth waiting for. */
const unlimitedRows = 0.9;

export function chooseShapes(request: ShapeRequest): ShardForms {
  const { lengths, trainBatchSize, microBatchTokens, maxSeqLength, seed } = request;
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
  return cheapestForms(lengths, {
    batches,
    scale: Math.max(steps, nominalSteps) / sampled,
    microBatchTokens,
    maxSeqLength,
    compileTokens: trainingCompileTokens,
    maxShapes: maxTrainingShapes,
    mayPack: request.mayPack,
    random: createRandom([purposes.shapes, seed, 1]),
  });
}

/** Shapes to run a whole split once, sorted by length. */
export function chooseEvaluationShapes(
  request: Pick<ShapeRequest, 'lengths' | 'microBatchTokens' | 'maxSeqLength' | 'mayPack'>,
): ShardForms {
  const { lengths, ...limits } = request;
  const scale = Math.ceil(lengths.length / sampledEvaluationRows);
  return cheapestForms(lengths, {
    ...limits,
    batches: [descending(lengths).filter((_, index) => index % scale === 0)],
    scale,
    compileTokens: evaluationCompileTokens,
    maxShapes: maxEvaluationShapes,
    random: createRandom([purposes.shapes]),
  });
}

const descending = (lengths: Int32Array): Int32Array => lengths.slice().sort().reverse();

function cheapestForms(lengths: Int32Array, job: Job): ShardForms {
  const longest = lengths.reduce((most, length) => Math.max(most, length), 1);
  const searches = packingsFor(job).map((packing) => ({
    packing,
    search: searchOver(job, packing, longest),
  }));
  const trials = searches.map(({ search }) => cheapestShapes(search, job.random, trialRounds).cost);
  const best = searches[trials.indexOf(Math.min(...trials))];
  assert(best, 'a packing');
  return {
    shapes: cheapestShapes(best.search, job.random, rounds).shapes,
    packing: best.packing,
  };
}

/** No packing, and those under which a sampled batch has fewer rows. */
function packingsFor({ batches, microBatchTokens, maxSeqLength, mayPack = true }: Job): Packing[] {
  if (!mayPack) return [unpacked];
  const limit = Math.min(microBatchTokens, maxSeqLength);
  const packings = packedRowTokens.flatMap((rowTokens) => {
    if (rowTokens > limit) return [];
    const counts = batches
      .flatMap((batch) => packBatch(batch, { rowTokens, samplesPerRow: batch.length }))
      .map(({ samples }) => samples.length)
      .sort((a, b) => a - b);
    const samplesPerRow = counts[Math.floor(counts.length * unlimitedRows)] ?? 1;
    return samplesPerRow === 1 ? [] : [{ rowTokens, samplesPerRow }];
  });
  return [unpacked, ...packings];
}

const packBatch = (batch: Int32Array, packing: Packing) =>
  packRows([...batch.keys()], batch, packing);

function searchOver(job: Job, packing: Packing, longest: number): Search {
  const batches = job.batches.map((batch) =>
    Int32Array.from(packBatch(batch, packing), ({ tokens }) => tokens),
  );
  const maxRows = Math.max(...batches.map((batch) => batch.length));
  return {
    batches,
    scale: job.scale,
    widths: widthsFor(Math.max(longest, packing.rowTokens), job.maxSeqLength),
    maxRows,
    samplesPerRow: packing.samplesPerRow,
    microBatchTokens: job.microBatchTokens,
    compileTokens: job.compileTokens,
    maxShapes: job.maxShapes,
    table: new CutTable(maxRows),
  };
}

/** Multiples of 8, coarser where rows are long; the last one fits the longest row. */
function widthsFor(longest: number, maxSeqLength: number): number[] {
  const widths: number[] = [];
  let width = 8;
  while (width < longest) {
    widths.push(width);
    width += width < 128 ? 8 : width < 256 ? 16 : 32;
  }
  return [...widths, Math.max(longest, Math.min(width, maxSeqLength))];
}

const widthAt = (job: Search, width: number): number => job.widths[width] ?? 1;

function cheapestShapes(
  job: Search,
  random: Random,
  rounds: number,
): { shapes: ShardShape[]; cost: number } {
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
  const shapes = best
    .map(({ rows, tokens, samplesPerRow }) => ({ rows, tokens, samplesPerRow }))
    .sort((a, b) => b.tokens - a.tokens || b.rows - a.rows);
  return { shapes, cost: bestCost };
}

/** As many of `rows` as fit into a shard of this width, at least one. */
function candidate(job: Search, width: number, rows: number): Candidate {
  const tokens = widthAt(job, width);
  const fit = Math.min(job.maxRows, Math.floor(job.microBatchTokens / tokens));
  const { samplesPerRow } = job;
  const shape = { rows: Math.max(1, Math.min(rows, fit)), tokens, samplesPerRow };
  // A literal, not a spread: V8 reads it four times as fast, and the search does little else.
  return { rows: shape.rows, tokens, samplesPerRow, width, cost: shapeCost(shape) };
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
