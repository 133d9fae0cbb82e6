/** Forward passes over this worker's shards of an evaluation split; the coordinator makes metrics of the logits. */
import type { Batcher } from '@microtune/data';
import {
  placesIn,
  samplesIn,
  type CoordinatorMessage,
  type WorkerMessage,
} from '@microtune/shared';
import type { Progress } from './progress.js';
import type { ShardGraphs } from './shard-graphs.js';

export interface Evaluator {
  readonly rank: number;
  readonly progress: Progress;
  /** Looked at between shards. */
  readonly giveUp: AbortSignal;
  readonly batch: Batcher;
  readonly graphs: ShardGraphs;
  readonly numLabels: number;
}

type EvaluateCommand = Extract<CoordinatorMessage, { type: 'evaluate' }>;
type Evaluated = Extract<WorkerMessage, { type: 'evaluated' }>;

/** @returns samples and logits [samples, numLabels] of this worker's rows, empty places left out */
export async function evaluateShards(
  evaluator: Evaluator,
  command: EvaluateCommand,
): Promise<Pick<Evaluated, 'lossSum' | 'weight' | 'samples' | 'logits'>> {
  const { rank, progress, giveUp, batch, graphs, numLabels } = evaluator;
  const range = command.ranges[rank] ?? { from: 0, to: 0 };
  const shards = command.shards.slice(range.from, range.to);
  const samples = shards.flatMap(samplesIn);
  const logits = new Float32Array(samples.length * numLabels);
  let [lossSum, weight, done] = [0, 0, 0];
  for (const [index, shard] of shards.entries()) {
    giveUp.throwIfAborted();
    progress.enter(`evaluating shard ${index + 1} of ${shards.length}`, command.step);
    const graph = await graphs.get('evaluation', shard.shape);
    const filled = batch(shard);
    const result = await graph.evaluate(filled);
    for (const { place } of placesIn(shard)) {
      const from = place * numLabels;
      logits.set(result.logits.subarray(from, from + numLabels), done * numLabels);
      done++;
    }
    lossSum += result.lossSum;
    weight += filled.weight;
  }
  return { lossSum, weight, samples, logits: new Uint8Array(logits.buffer) };
}
