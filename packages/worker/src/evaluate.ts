/** Forward passes over this worker's shards of an evaluation split; the coordinator makes metrics of their digests. */
import type { CoordinatorMessage } from '@microtune/shared';
import type { Collate, OpenedTask } from '@microtune/tasks';
import type { Progress } from './progress.js';
import type { ShardGraphs } from './shard-graphs.js';

export interface Evaluator {
  readonly rank: number;
  readonly progress: Progress;
  /** Looked at between shards. */
  readonly giveUp: AbortSignal;
  readonly batch: Collate;
  readonly graphs: ShardGraphs;
  readonly task: Pick<OpenedTask, 'digest'>;
}

type EvaluateCommand = Extract<CoordinatorMessage, { type: 'evaluate' }>;

/** @returns of each of this worker's shards, in their order, what the task's score is made of */
export async function evaluateShards(
  { rank, progress, giveUp, batch, graphs, task }: Evaluator,
  command: EvaluateCommand,
): Promise<Uint8Array<ArrayBuffer>[]> {
  const range = command.ranges[rank] ?? { from: 0, to: 0 };
  const shards = command.shards.slice(range.from, range.to);
  const digests: Uint8Array<ArrayBuffer>[] = [];
  for (const [index, shard] of shards.entries()) {
    giveUp.throwIfAborted();
    progress.enter(`evaluating shard ${index + 1} of ${shards.length}`, command.step);
    const graph = await graphs.get('evaluation', shard.shape);
    const filled = batch(shard);
    digests.push(task.digest(filled, await graph.evaluate(filled)));
  }
  return digests;
}
