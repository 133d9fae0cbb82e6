/**
 * What a run needs of the machine's memory, all processes together. State and gradients are counted exactly; what an engine
 * takes for a graph is a measured number of bytes per token, layer and hidden unit (docs/decisions/0025-memory-of-a-step.md).
 * The figure is that of summary.json's peak_memory_bytes, and is meant to be within 15 % of it.
 */
import { MicrotuneError, type ResolvedConfig, type ShardShape } from '@microtune/shared';

/** What of a model decides memory; `modelSize` of @microtune/models reads it. */
export interface ModelNumbers {
  readonly parameterCount: number;
  readonly trainedCount: number;
  readonly denseCount: number;
  /** Layers times hidden width. */
  readonly layersWidth: number;
}

export interface MemoryQuestion {
  readonly model: ModelNumbers;
  readonly engine: ResolvedConfig['engine'];
  /** Of the shards trained. */
  readonly shapes: readonly ShardShape[];
  /** By rank: gradients held at once at most. */
  readonly sumsHeld: readonly number[];
  /** State and gradients are on cards; the host keeps a copy of the state. */
  readonly onCards: boolean;
}

export interface MemoryNeed {
  readonly totalBytes: number;
  /** Of the largest worker. */
  readonly workerBytes: number;
  /** Parameters and both moments, of one worker. */
  readonly stateBytes: number;
  /** Gradients that wait or are computed, of the largest worker. */
  readonly gradientBytes: number;
}

interface EngineNumbers {
  /** A worker without model: Node, libraries, code. */
  readonly baseBytes: number;
  /** Bytes per token of a shape, layer and hidden unit, beside the gradient. */
  readonly graphBytes: number;
}

/** Measured on MiniLM (6 x 384) and BERT-base (12 x 768), rows of 22 and 128 tokens, 1 and 2 workers. */
const engines: Readonly<Record<ResolvedConfig['engine'], EngineNumbers>> = {
  openvino: { baseBytes: 330e6, graphBytes: 50 },
  onnx: { baseBytes: 330e6, graphBytes: 116 },
  tensorflow: { baseBytes: 600e6, graphBytes: 120 },
  xla: { baseBytes: 500e6, graphBytes: 120 },
  reference: { baseBytes: 300e6, graphBytes: 300 },
};
const coordinatorBytes = 200e6;
const floatBytes = 4;
/** Of each parameter that is trained. */
const moments = 2;

export function memoryNeed(question: MemoryQuestion): MemoryNeed {
  const { model, engine, shapes, sumsHeld, onCards } = question;
  const { baseBytes, graphBytes } = engines[engine];
  const stateBytes = floatBytes * (model.parameterCount + moments * model.trainedCount);
  const tokens = shapes.reduce((sum, shape) => sum + shape.rows * shape.tokens, 0);
  // A device of its own is the card's memory; on the CPU the engines xla and tensorflow hold the state a second time.
  const copies = !onCards && (engine === 'xla' || engine === 'tensorflow') ? 2 : 1;
  const graphs = onCards ? 0 : tokens * model.layersWidth * graphBytes;
  const fixed = baseBytes + copies * stateBytes + graphs;
  const gradients = sumsHeld.map((sums) => (onCards ? 0 : sums * floatBytes * model.denseCount));
  const gradientBytes = Math.max(...gradients);
  const totalBytes = gradients.reduce((sum, bytes) => sum + fixed + bytes, coordinatorBytes);
  return { totalBytes, workerBytes: fixed + gradientBytes, stateBytes, gradientBytes };
}

export interface Alternative {
  /** e.g. `--workers 1`. */
  readonly option: string;
  needBytes(): number;
}

/**
 * @param alternatives best first; those that fit are told
 * @throws MicrotuneError `usage` with both numbers, where they come from, and what would fit
 */
export function requireMachineMemory(
  need: MemoryNeed,
  availableBytes: number,
  { workers, alternatives }: { workers: number; alternatives: readonly Alternative[] },
): void {
  if (need.totalBytes <= availableBytes) return;
  const fitting = alternatives
    .map(({ option, needBytes }) => ({ option, bytes: needBytes() }))
    .filter(({ bytes }) => bytes <= availableBytes)
    .map(({ option, bytes }) => `${option} (${gigabytes(bytes)})`);
  const advice =
    fitting.length > 0
      ? `what fits: ${fitting.slice(0, 3).join(', or ')}`
      : 'no number of workers and no batch fits: free memory, or train a smaller model';
  throw new MicrotuneError(
    'usage',
    `this run needs about ${gigabytes(need.totalBytes)} of memory and ${gigabytes(availableBytes)} are available: ` +
      `${workers} ${workers === 1 ? 'worker' : 'workers'} of ${gigabytes(need.workerBytes)} ` +
      `(parameters and moments ${gigabytes(need.stateBytes)}, gradients ${gigabytes(need.gradientBytes)}, ` +
      `the engine the rest); ${advice}`,
  );
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(2)} GB`;
}
