/**
 * The wire contract: every control message between the coordinator and its workers.
 *
 * Who says what, when, and what answers it:
 *   worker  -> hello       once, on connecting; answered by `welcome` when all expected workers are there.
 *   coord.  -> welcome     rank, world, peers' bulk endpoints and the resolved config; the worker loads, connects to its peers, then says `ready`.
 *   worker  -> ready       everything that can fail before the first step has worked.
 *   coord.  -> plan        one training step: its shards, whose they are, the learning rate. Plans go out several steps ahead; answered by `stepped`.
 *   worker  -> stepped     the update of this step is applied.
 *   coord.  -> evaluate    shards of an evaluation split; answered by `evaluated` with the task's digest of each of this worker's shards.
 *   coord.  -> save        rank 0 writes a folder (checkpoint, best or the final model); answered by `saved`.
 *   coord.  -> restore     every worker loads the weights of a folder (load_best_model_at_end); answered by `restored`.
 *   coord.  -> halt        the run ends early: give up the step in progress and all commands before, hold the state; answered by
 *                          `halted`. After it only `save` and `stop` come.
 *   worker  -> halted      which step's state this worker holds whole, if any.
 *   coord.  -> stop        leave; the worker closes its sockets and exits 0.
 *   worker  -> progress    once a second while JavaScript runs: which phase, which step.
 *   worker  -> failed      this worker cannot go on; the coordinator ends the run. If it still holds a whole state, it waits for `halt` or `stop`.
 * A worker obeys commands strictly in the order they came, so the coordinator may send ahead; `halt` and `stop` overtake.
 *
 * Every message carries the protocol version, run id, membership epoch and step, so that later joins and
 * recoveries need no new protocol. Messages are checked once, at the socket (`parseMessage`), and typed after.
 * Tensors never travel here: gradients go between workers on bulk sockets; `evaluated` carries small digests as bytes.
 */
import { z } from 'zod';
import { errorCodes } from './errors.js';
import { shardRangeSchema, shardSchema, shardShapeSchema } from './plan.js';
import { MicrotuneError } from './errors.js';
import { resolvedConfigSchema } from './config.js';
import { taskSpecSchema } from './task-spec.js';

export const protocolVersion = 1;

const count = z.number().int().nonnegative();
const bytes = z.instanceof(Uint8Array);

const envelope = {
  protocol: z.literal(protocolVersion),
  runId: z.string().min(1),
  /** Membership epoch: counts changes of the set of workers. Fixed at 0 while membership is fixed. */
  epoch: count,
  /** The optimizer step the message is about; 0 before training. */
  step: count,
};

const message = <Type extends string, Shape extends z.ZodRawShape>(type: Type, shape: Shape) =>
  z.strictObject({ type: z.literal(type), ...envelope, ...shape });

export const peerSchema = z.object({ rank: count, bulkEndpoint: z.string() });

export const stepTimingsSchema = z.object({
  /** Milliseconds inside the engine. */
  engineMs: z.number(),
  /** Milliseconds summing and exchanging gradients. */
  reduceMs: z.number(),
  /** Milliseconds in clipping and the optimizer. */
  optimizerMs: z.number(),
  /** Milliseconds from taking the plan to the applied update. */
  totalMs: z.number(),
});
export type StepTimings = z.infer<typeof stepTimingsSchema>;

export const gpuInfoSchema = z.object({
  /** `cuda:N` of the run's devices. */
  name: z.string(),
  /** e.g. `GPU-…`, as nvidia-smi -L lists it. */
  uuid: z.string(),
  pciBusId: z.string(),
  memoryBytes: count,
  /** e.g. `580.65.06`; missing where neither NVML nor the kernel module tells. */
  driverVersion: z.string().optional(),
  /** The newest CUDA that the driver runs, e.g. `13.0`. */
  cudaVersion: z.string(),
});
export type GpuInfo = z.infer<typeof gpuInfoSchema>;

export const deviceInfoSchema = z.object({
  engine: z.string(),
  engineVersion: z.string(),
  device: z.string(),
  /** The card that this worker sees, and no other; missing on a CPU. */
  gpu: gpuInfoSchema.optional(),
  precision: z.enum(['f32', 'bf16']),
  threads: count,
});
export type DeviceInfo = z.infer<typeof deviceInfoSchema>;

export const saveKinds = ['checkpoint', 'best', 'final'] as const;

const workerMessages = [
  message('hello', { rank: count, pid: count, host: z.string(), bulkEndpoint: z.string() }),
  message('ready', {
    device: deviceInfoSchema,
    /** Trainable and all parameters, counted in numbers. */
    trainableParameters: count,
    totalParameters: count,
    /** Things the user should know, e.g. a head created from the seed. */
    notes: z.array(z.string()),
    /** Of the loaded state: all workers must agree. */
    stateSha256: z.string(),
  }),
  message('stepped', {
    /** Sum of token (or row) losses over the global batch, and the number of labels counted. */
    lossSum: z.number(),
    weight: z.number(),
    /** Norm of the mean gradient before clipping. */
    gradientNorm: z.number(),
    timings: stepTimingsSchema,
  }),
  message('evaluated', {
    evaluation: count,
    /** Of each of this worker's shards, in their order: what the task's score is made of. */
    digests: z.array(bytes),
  }),
  message('saved', {
    folder: z.string(),
    paramsSha256: z.string(),
    stateSha256: z.string(),
  }),
  message('restored', { stateSha256: z.string() }),
  message('halted', {
    /** The state is that after this step's update; missing where an update was cut short or other weights were loaded. */
    holdsStep: count.optional(),
  }),
  message('progress', { phase: z.string() }),
  message('failed', { code: z.enum(errorCodes), reason: z.string() }),
] as const;

const coordinatorMessages = [
  message('welcome', {
    rank: count,
    worldSize: count,
    peers: z.array(peerSchema),
    config: resolvedConfigSchema,
    /** Checkpoint folder to start from, or undefined for the model alone. */
    checkpoint: z.string().optional(),
    task: taskSpecSchema,
    /** Of this worker's shards of the first step, in their order: to be compiled while the rest loads. */
    firstShapes: z.array(shardShapeSchema),
    /** Gradients that a worker holds at once at most, as far as the steps looked at tell. */
    sumsHeld: count,
  }),
  message('plan', {
    learningRate: z.number(),
    shards: z.array(shardSchema).min(1),
    /** By rank. */
    ranges: z.array(shardRangeSchema).min(1),
  }),
  message('evaluate', {
    evaluation: count,
    split: z.enum(['train', 'validation', 'test']),
    shards: z.array(shardSchema),
    ranges: z.array(shardRangeSchema),
  }),
  message('save', {
    kind: z.enum(saveKinds),
    folder: z.string(),
    /** Contents of trainer_state.json, HF fields; undefined for weights alone. */
    trainerState: z.record(z.string(), z.unknown()).optional(),
  }),
  message('restore', { folder: z.string() }),
  message('halt', { reason: z.string() }),
  message('stop', { reason: z.string() }),
] as const;

export const workerMessageSchema = z.discriminatedUnion('type', [...workerMessages]);
export const coordinatorMessageSchema = z.discriminatedUnion('type', [...coordinatorMessages]);
export type WorkerMessage = z.infer<typeof workerMessageSchema>;
export type CoordinatorMessage = z.infer<typeof coordinatorMessageSchema>;
export type Message = WorkerMessage | CoordinatorMessage;
/** What identifies the run and moment of a message. */
export type Envelope = Pick<Message, 'protocol' | 'runId' | 'epoch' | 'step'>;

/** @throws MicrotuneError `transient` naming sender, field and expectation when `input` is not a message of `schema`. */
export function parseMessage<T>(schema: z.ZodType<T>, input: unknown, from: string): T {
  const result = schema.safeParse(input);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  throw new MicrotuneError(
    'transient',
    `a message from ${from} does not follow protocol ${protocolVersion}: ` +
      `${issue === undefined ? 'unknown problem' : `${issue.path.join('.') || 'message'}: ${issue.message}`}`,
  );
}
