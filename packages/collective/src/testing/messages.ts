/** Messages of the control connection for tests. */
import { protocolVersion, type CoordinatorMessage, type WorkerMessage } from '@microtune/shared';

const envelope = { protocol: protocolVersion, runId: 'run', epoch: 0, step: 3 } as const;

export const hello = {
  ...envelope,
  type: 'hello',
  rank: 1,
  pid: 4711,
  host: 'localhost',
  bulkEndpoint: 'tcp://127.0.0.1:5555',
} satisfies WorkerMessage;

export const evaluated = {
  ...envelope,
  type: 'evaluated',
  evaluation: 2,
  digests: [Buffer.from([1, 2, 3, 4, 5, 6, 7, 8]), Buffer.from([]), Buffer.from([9])],
} satisfies WorkerMessage;

export const failed = {
  ...envelope,
  type: 'failed',
  code: 'transient',
  reason: 'the device is gone',
} satisfies WorkerMessage;

export const plan = {
  ...envelope,
  type: 'plan',
  learningRate: 3e-5,
  shards: [{ shape: { rows: 8, tokens: 32, samplesPerRow: 2 }, rows: [[5, 1], [300]] }],
  ranges: [
    { from: 0, to: 1 },
    { from: 1, to: 1 },
  ],
} satisfies CoordinatorMessage;

export const save = {
  ...envelope,
  type: 'save',
  kind: 'checkpoint',
  folder: '/runs/a/checkpoint-3',
  trainerState: { best_metric: null, log_history: [{ loss: 0.5, step: 3 }], epoch: 1.5 },
} satisfies CoordinatorMessage;

export const stop = { ...envelope, type: 'stop', reason: 'done' } satisfies CoordinatorMessage;
