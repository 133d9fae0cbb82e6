/**
 * Cross entropy over a large vocabulary, from hidden states and the output layer's matrix. Logits of all tokens would be
 * the largest array of a training step several times over ([2048, 128k] is 1 GB, and the loss keeps four of them), so they
 * are made for a chunk of tokens at a time: its logits, loss and gradients, then the next chunk's.
 * The loss is a sum, so what comes from above is one number, and the gradients can be computed going forward, without
 * making any logits twice. Source of the idea: Hsu et al. 2024 (Liger Kernel), section 3.2.
 *
 * Letters: N tokens, H hidden, V words of the vocabulary, C tokens of a chunk.
 */
import {
  add, cast, concat, customGrad, div, exp, greaterEqual, log, matMul, max, mul, notEqual, oneHot, reshape, scalar, slice,
  stack, sub, sum, where,
} from '@tensorflow/tfjs-core'; // prettier-ignore
import type { Scalar, Tensor } from '@tensorflow/tfjs-core';
import { MicrotuneError } from '@microtune/shared';
import { registerGradients } from '../gradients/register-gradients.js';
import { after } from './after.js';
import type { CrossEntropyOptions } from './softmax-cross-entropy.js';

export interface ChunkedCrossEntropyOptions extends CrossEntropyOptions {
  /** Which arguments get a gradient: nothing is computed for the others. Default `both`. */
  readonly gradient?: 'none' | 'hidden' | 'both';
  /** Tokens of a chunk. Default: so many that its logits have at most 2^24 elements (64 MB), in equal parts. */
  readonly chunkTokens?: number | undefined;
}

export interface ChunkedCrossEntropy {
  /** Sum over counted tokens, as softmaxCrossEntropy of all logits. */
  readonly lossSum: Scalar;
  /** Counted tokens whose label has the largest logit (an equal one beside it does not matter): float32 []. */
  readonly correct: Scalar;
}

const chunkElements = 2 ** 24;

/**
 * softmaxCrossEntropy(hidden headT, labels) without an array [N, V].
 * @param hidden [N, H]
 * @param head [V, H]
 * @param labels int32 [N]; `ignoreIndex` (default -100) does not count
 * @throws MicrotuneError `usage` for shapes that do not fit
 */
export function chunkedCrossEntropy(
  hidden: Tensor,
  head: Tensor,
  labels: Tensor,
  options: ChunkedCrossEntropyOptions = {},
): ChunkedCrossEntropy {
  checkShapes(hidden, head, labels);
  registerGradients();
  const differentiable = customGrad((...all: unknown[]) => {
    const [x, w, y, save] = all as [Tensor, Tensor, Tensor, (saved: Tensor[]) => void];
    const { totals, dHidden, dHead } = inChunks(x, w, y, options);
    // An argument without a gradient stands for it: tfjs wants one tensor per argument and does not use that one.
    save([dHidden ?? x, dHead ?? w, y]);
    const scaled = (gradient: Tensor | undefined, dy: Tensor, own: Tensor) =>
      gradient === undefined ? own : mul(own, slice(dy, [0], [1]));
    const gradFunc = (dy: Tensor, saved: Tensor[]) => {
      const [forHidden, forHead, classIds] = saved as [Tensor, Tensor, Tensor];
      return [scaled(dHidden, dy, forHidden), scaled(dHead, dy, forHead), classIds];
    };
    return { value: totals, gradFunc };
  });
  const totals = differentiable(hidden, head, labels); // [2]
  const total = (at: number) => reshape(slice(totals, [at], [1]), []) as Scalar;
  return { lossSum: total(0), correct: total(1) };
}

function checkShapes(hidden: Tensor, head: Tensor, labels: Tensor): void {
  const fits =
    hidden.rank === 2 && head.rank === 2 && labels.rank === 1 &&
    hidden.shape[1] === head.shape[1] && hidden.shape[0] === labels.shape[0]; // prettier-ignore
  if (fits) return;
  const text = ({ shape }: Tensor) => `[${shape.join(', ')}]`;
  throw new MicrotuneError(
    'usage',
    `hidden states [N, H], an output matrix [V, H] and labels [N] are needed, ` +
      `got ${text(hidden)}, ${text(head)} and ${text(labels)}`,
  );
}

interface Sums {
  readonly loss: Tensor; // []
  readonly correct: Tensor; // []
  readonly dHidden: Tensor | undefined; // [C, H]
  readonly dHead: Tensor | undefined; // [V, H]
}

function inChunks(
  hidden: Tensor,
  head: Tensor,
  labels: Tensor,
  options: ChunkedCrossEntropyOptions,
): { totals: Tensor; dHidden: Tensor | undefined; dHead: Tensor | undefined } {
  const [tokens, width] = hidden.shape as [number, number];
  const chunk = options.chunkTokens ?? tokensOfChunk(tokens, head.shape[0]!);
  let before: Sums | undefined;
  const rows: Tensor[] = [];
  for (let from = 0; from < tokens; from += chunk) {
    const count = Math.min(chunk, tokens - from);
    const own = slice(hidden, [from, 0], [count, width]);
    const x = before === undefined ? own : after(own, before.loss);
    const sums = ofChunk(x, head, slice(labels, [from], [count]), options);
    if (sums.dHidden !== undefined) rows.push(sums.dHidden);
    before = before === undefined ? sums : added(before, sums);
  }
  const { loss, correct, dHead } = before!;
  const dHidden = rows.length === 0 ? undefined : concat(rows, 0); // [N, H]
  return { totals: stack([loss, correct]), dHidden, dHead };
}

function added(a: Sums, b: Sums): Sums {
  const dHead = a.dHead === undefined || b.dHead === undefined ? undefined : add(a.dHead, b.dHead);
  return {
    loss: add(a.loss, b.loss),
    correct: add(a.correct, b.correct),
    dHidden: undefined,
    dHead,
  };
}

/** Equal parts, so that the last chunk is no crumb. */
function tokensOfChunk(tokens: number, words: number): number {
  const most = Math.max(1, Math.floor(chunkElements / words));
  return Math.ceil(tokens / Math.ceil(tokens / most));
}

function ofChunk(
  x: Tensor,
  head: Tensor,
  labels: Tensor,
  { ignoreIndex = -100, labelSmoothing = 0, gradient = 'both' }: ChunkedCrossEntropyOptions,
): Sums {
  const isCounted = notEqual(labels, scalar(ignoreIndex, 'int32'));
  const counts = cast(isCounted, 'float32'); // [C]
  const counted = reshape(counts, [counts.size, 1]);
  const logits = matMul(x, head, false, true); // [C, V]
  const shifted = sub(logits, max(logits, 1, true)); // [C, V], the largest is 0
  const exponentials = exp(shifted);
  const total = sum(exponentials, 1, true); // [C, 1]
  const classIds = where(isCounted, labels, scalar(-1, 'int32'));
  const exact = cast(oneHot(classIds, head.shape[0]!), 'float32'); // [C, V]
  const target = smoothed(exact, counted, labelSmoothing);
  const picked = sum(mul(exact, shifted), 1); // [C]
  const score = labelSmoothing === 0 ? picked : mul(target, shifted);
  // A counted target sums to 1, so log(total) counts once.
  const loss = sub(sum(mul(log(total), counted)), sum(score));
  const correct = sum(mul(cast(greaterEqual(picked, scalar(0)), 'float32'), counts));
  if (gradient === 'none') return { loss, correct, dHidden: undefined, dHead: undefined };
  const dLogits = sub(mul(exponentials, div(counted, total)), target); // [C, V]
  const dHidden = matMul(dLogits, head); // [C, H]
  const dHead = gradient === 'both' ? matMul(dLogits, x, true, false) : undefined; // [V, H]
  return { loss, correct, dHidden, dHead };
}

/** The share `smoothing` of a counted token's target is spread evenly over all words. */
function smoothed(exact: Tensor, counted: Tensor, smoothing: number): Tensor {
  if (smoothing === 0) return exact;
  const evenly = mul(counted, scalar(smoothing / exact.shape[1]!)); // [C, 1]
  return add(mul(exact, scalar(1 - smoothing)), evenly);
}
