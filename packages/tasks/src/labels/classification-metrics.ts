/** Metrics of single-label classification, all but the loss from the confusion matrix. */
import type { MetricsWithLoss } from '../task.js';
import type { Predictions } from './metrics.js';

/** Rows are true classes, columns predicted ones: `counts[actual * numLabels + predicted]`. */
interface Confusion {
  readonly numLabels: number;
  readonly counts: Float64Array;
  readonly actual: Float64Array;
  readonly predicted: Float64Array;
}

/** Index of the largest logit of a row; the first of equals, as numpy's argmax. */
function predictedClass(logits: Float32Array, start: number, numLabels: number): number {
  let best = 0;
  for (let label = 1; label < numLabels; label++) {
    if ((logits[start + label] ?? 0) > (logits[start + best] ?? 0)) best = label;
  }
  return best;
}

const increment = (counts: Float64Array, index: number): void => {
  counts[index] = (counts[index] ?? 0) + 1;
};

function confusionOf({ logits, labels, numLabels }: Predictions): Confusion {
  const counts = new Float64Array(numLabels * numLabels);
  const actual = new Float64Array(numLabels);
  const predicted = new Float64Array(numLabels);
  labels.forEach((label, row) => {
    const guess = predictedClass(logits, row * numLabels, numLabels);
    increment(counts, label * numLabels + guess);
    increment(actual, label);
    increment(predicted, guess);
  });
  return { numLabels, counts, actual, predicted };
}

/** Mean cross entropy; with smoothing e: (1 - e) x -log p(label) + e x mean of -log p, as torch's label_smoothing. */
function meanCrossEntropy({ logits, labels, numLabels }: Predictions, smoothing: number): number {
  let total = 0;
  labels.forEach((label, row) => {
    const rowLogits = logits.subarray(row * numLabels, (row + 1) * numLabels);
    const largest = rowLogits.reduce((a, b) => Math.max(a, b));
    const logSum =
      largest + Math.log(rowLogits.reduce((sum, logit) => sum + Math.exp(logit - largest), 0));
    const mean = rowLogits.reduce((sum, logit) => sum + logit, 0) / numLabels;
    total += (1 - smoothing) * (logSum - (rowLogits[label] ?? 0)) + smoothing * (logSum - mean);
  });
  return total / labels.length;
}

/** 2 x true positives / (labelled + predicted positives); undefined for a class that no row has, truly or by prediction. */
function f1OfClass(confusion: Confusion, label: number): number | undefined {
  const hits = confusion.counts[label * confusion.numLabels + label] ?? 0;
  const marked = (confusion.actual[label] ?? 0) + (confusion.predicted[label] ?? 0);
  return marked === 0 ? undefined : (2 * hits) / marked;
}

const dot = (a: Float64Array, b: Float64Array): number =>
  a.reduce((sum, value, i) => sum + value * (b[i] ?? 0), 0);

/** Multi-class Matthews correlation (Gorodkin 2004), 0 when a side has one class only. */
function matthews(confusion: Confusion, rows: number, correct: number): number {
  const covariance = correct * rows - dot(confusion.actual, confusion.predicted);
  const spread =
    (rows ** 2 - dot(confusion.actual, confusion.actual)) *
    (rows ** 2 - dot(confusion.predicted, confusion.predicted));
  return spread === 0 ? 0 : covariance / Math.sqrt(spread);
}

/** loss, accuracy, f1_macro, matthews_correlation; with two classes also f1 of class 1. */
export function classificationMetrics(
  predictions: Predictions,
  labelSmoothing: number,
): MetricsWithLoss {
  const confusion = confusionOf(predictions);
  const { numLabels } = predictions;
  const rows = predictions.labels.length;
  const classes = Array.from({ length: numLabels }, (_, label) => label);
  const correct = classes.reduce(
    (sum, label) => sum + (confusion.counts[label * numLabels + label] ?? 0),
    0,
  );
  // A class that does not occur says nothing about the model: scikit-learn leaves it out of the mean.
  const f1s = classes.map((label) => f1OfClass(confusion, label)).filter((f1) => f1 !== undefined);
  return {
    loss: meanCrossEntropy(predictions, labelSmoothing),
    accuracy: correct / rows,
    f1_macro: f1s.reduce((sum, f1) => sum + f1, 0) / f1s.length,
    matthews_correlation: matthews(confusion, rows, correct),
    ...(numLabels === 2 ? { f1: f1OfClass(confusion, 1) ?? 0 } : {}),
  };
}
