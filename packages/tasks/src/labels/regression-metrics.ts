/** Metrics of regression with one output: mean squared error and the two correlations of STS-B. */
import type { MetricsWithLoss } from '../task.js';
import type { Predictions } from './metrics.js';

function mean(values: ArrayLike<number>): number {
  let total = 0;
  for (let i = 0; i < values.length; i++) total += values[i] ?? 0;
  return total / values.length;
}

/** Pearson's r; 0 when one side does not vary. */
function pearson(x: ArrayLike<number>, y: ArrayLike<number>): number {
  const meanX = mean(x);
  const meanY = mean(y);
  let covariance = 0;
  let varianceX = 0;
  let varianceY = 0;
  for (let i = 0; i < x.length; i++) {
    const dx = (x[i] ?? 0) - meanX;
    const dy = (y[i] ?? 0) - meanY;
    covariance += dx * dy;
    varianceX += dx * dx;
    varianceY += dy * dy;
  }
  return varianceX === 0 || varianceY === 0 ? 0 : covariance / Math.sqrt(varianceX * varianceY);
}

/** 1-based ranks; equal values share the mean of their ranks. */
function ranks(values: Float32Array): Float64Array {
  const order = Array.from(values.keys()).sort((a, b) => (values[a] ?? 0) - (values[b] ?? 0));
  const result = new Float64Array(values.length);
  let start = 0;
  while (start < order.length) {
    let end = start + 1;
    while (end < order.length && values[order[end] ?? 0] === values[order[start] ?? 0]) end++;
    for (const index of order.slice(start, end)) result[index] = (start + 1 + end) / 2;
    start = end;
  }
  return result;
}

/** loss (= mse), mse, pearson and spearmanr (Pearson's r of the ranks). */
export function regressionMetrics({ logits, labels }: Predictions): MetricsWithLoss {
  // From, because map of a Float32Array would round each square.
  const mse = mean(Array.from(labels, (target, row) => ((logits[row] ?? 0) - target) ** 2));
  return {
    loss: mse,
    mse,
    pearson: pearson(logits, labels),
    spearmanr: pearson(ranks(logits), ranks(labels)),
  };
}
