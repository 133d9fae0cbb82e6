/**
 * AdamW as a graph over resident state: the whole update of a step in one program, clipping included. Moments and
 * gradient are flat vectors in the arena's layout, parameters keep their shapes, for products read them as they are.
 * Formula: torch.optim.AdamW (decoupled weight decay) and torch.nn.utils.clip_grad_norm_.
 */
import {
  add,
  div,
  minimum,
  mul,
  reshape,
  scalar,
  slice,
  sqrt,
  square,
  sub,
  sum,
} from '@tensorflow/tfjs-core';
import type { Tensor } from '@tensorflow/tfjs-core';
import type { Graph } from '../graph/graph.js';
import type { Shape } from '../graph-types.js';
import { trace } from '../tracer/trace.js';
import type { Place } from './pack-gradient.js';
import { nextValue } from './resident.js';

export interface TracedParameter {
  readonly name: string;
  readonly shape: Shape;
  readonly place: Place;
  /** Weight decay applies. */
  readonly decay: boolean;
  /** What the learning rate is multiplied by. @default 1 */
  readonly rateFactor?: number | undefined;
}

export interface TracedAdamWOptions {
  readonly parameters: readonly TracedParameter[];
  /** Numbers in the flat vectors, gaps included. */
  readonly count: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly weightDecay: number;
}

/** Names at the border of the graph. */
export const adamwNames = {
  gradient: 'gradient', // float32 [count], the sum over the batch
  m: 'optimizer/m', // float32 [count]
  v: 'optimizer/v', // float32 [count]
  learningRate: 'learning_rate', // float32 []
  /** 1 - beta1^t and sqrt(1 - beta2^t), t counted from 1: the host has the powers in float64. */
  correction1: 'correction_1', // float32 []
  correction2: 'correction_2', // float32 []
  /** Weight of the batch, which the gradient is divided by. */
  batchWeight: 'batch_weight', // float32 []
  /** Infinity clips nothing. */
  maxNorm: 'max_norm', // float32 []
  /** Squares of the gradients that stay on the host (rows of tables), summed. */
  hostSquares: 'host_squares', // float32 []
  /** Norm of the mean gradient before clipping. */
  norm: 'gradient_norm', // float32 []
  /** What the gradient was multiplied by: for updates on the host. */
  scale: 'gradient_scale', // float32 []
} as const;

/** Inputs: state, gradient and scalars of `adamwNames`; outputs: the state's next values, norm and scale. */
export function traceAdamW(options: TracedAdamWOptions): Graph {
  return trace(({ input }) => {
    const number = (name: string) => input(name, [], 'float32');
    const flat = (name: string) => input(name, [options.count], 'float32');
    const gradient = flat(adamwNames.gradient); // [N]
    const weight = number(adamwNames.batchWeight);
    const squares = add(sumOfSquares(gradient), number(adamwNames.hostSquares));
    const norm = div(sqrt(squares), weight);
    const allowed = div(number(adamwNames.maxNorm), add(norm, scalar(1e-6)));
    const scale = div(minimum(allowed, scalar(1)), weight);
    const mean = mul(gradient, scale); // [N]
    const m = flat(adamwNames.m);
    const v = flat(adamwNames.v);
    const nextM = add(m, mul(sub(mean, m), scalar(1 - options.beta1))); // [N]
    const nextV = add(mul(v, scalar(options.beta2)), mul(square(mean), scalar(1 - options.beta2))); // [N]
    const learningRate = number(adamwNames.learningRate);
    const root = div(sqrt(nextV), number(adamwNames.correction2));
    const direction = div(nextM, add(root, scalar(options.epsilon))); // [N]
    const steps = mul(direction, div(learningRate, number(adamwNames.correction1))); // [N]
    const factors = [...new Set(options.parameters.map(({ rateFactor = 1 }) => rateFactor))];
    // At 1 nothing is multiplied, so that the graph stays what it is without factors.
    const rates = new Map(
      factors.map((factor) => {
        const times = (x: Tensor): Tensor => (factor === 1 ? x : mul(x, scalar(factor)));
        const kept = sub(scalar(1), mul(times(learningRate), scalar(options.weightDecay)));
        return [factor, { steps: times(steps), kept }] as const;
      }),
    );
    const next = options.parameters.map((parameter): [string, Tensor] => {
      const { name, shape, place, decay, rateFactor = 1 } = parameter;
      const rate = rates.get(rateFactor)!;
      const before = input(name, shape, 'float32');
      const step = reshape(slice(rate.steps, [place.start], [place.count]), [...shape]);
      return [nextValue(name), sub(decay ? mul(before, rate.kept) : before, step)];
    });
    return {
      ...Object.fromEntries(next),
      [nextValue(adamwNames.m)]: nextM,
      [nextValue(adamwNames.v)]: nextV,
      [adamwNames.norm]: norm,
      [adamwNames.scale]: scale,
    };
  });
}

/** In two stages, so that no float32 sum has more than a few thousand terms one after the other. */
function sumOfSquares(values: Tensor): Tensor {
  const columns = Math.max(1, Math.floor(Math.sqrt(values.size)));
  const rows = Math.floor(values.size / columns);
  const body = reshape(slice(values, [0], [rows * columns]), [rows, columns]);
  const rest = slice(values, [rows * columns], [values.size - rows * columns]);
  return add(sum(sum(square(body), 1)), sum(square(rest)));
}

/** The scalars of a step. @param step 1-based count of updates */
export function adamwScalars(
  { beta1, beta2 }: Pick<TracedAdamWOptions, 'beta1' | 'beta2'>,
  given: {
    readonly step: number;
    readonly learningRate: number;
    readonly batchWeight: number;
    /** 0 clips nothing. */
    readonly maxNorm: number;
    readonly hostSquares: number;
  },
): Readonly<Record<string, Float32Array>> {
  return {
    [adamwNames.learningRate]: Float32Array.of(given.learningRate),
    [adamwNames.correction1]: Float32Array.of(1 - beta1 ** given.step),
    [adamwNames.correction2]: Float32Array.of(Math.sqrt(1 - beta2 ** given.step)),
    [adamwNames.batchWeight]: Float32Array.of(given.batchWeight),
    [adamwNames.maxNorm]: Float32Array.of(given.maxNorm === 0 ? Infinity : given.maxNorm),
    [adamwNames.hostSquares]: Float32Array.of(given.hostSquares),
  };
}
