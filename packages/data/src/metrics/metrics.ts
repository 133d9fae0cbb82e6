/**
 * Evaluation metrics from gathered logits: one entry per evaluation row, whoever computed it, in sample order, so that
 * the numbers do not depend on the number of workers. All sums are float64 over float32 logits.
 * Definitions are those of scikit-learn and scipy; oracle/metrics.py makes the reference numbers.
 */
import { assert } from '@microtune/shared';
import { classificationMetrics } from './classification-metrics.js';
import { regressionMetrics } from './regression-metrics.js';

/** Values by name, e.g. `accuracy`; every evaluation has `loss`. */
export type Metrics = Readonly<Record<string, number>>;
export type MetricsWithLoss = Metrics & { readonly loss: number };

export interface Predictions {
  readonly numLabels: number;
  /** [rows, numLabels] row-major. */
  readonly logits: Float32Array;
  /** [rows]: class ids, or targets when `problemType` is regression. */
  readonly labels: Float32Array;
}

export interface MetricOptions {
  readonly problemType: 'single_label_classification' | 'regression';
  /** Applied to the evaluation loss too, as HuggingFace's Trainer does. */
  readonly labelSmoothing: number;
}

/** The names `computeMetrics` will give, known before any evaluation. */
export function metricNames(
  problemType: MetricOptions['problemType'],
  numLabels: number,
): string[] {
  if (problemType === 'regression') return ['loss', 'mse', 'pearson', 'spearmanr'];
  const names = ['loss', 'accuracy', 'f1_macro', 'matthews_correlation'];
  return numLabels === 2 ? [...names, 'f1'] : names;
}

/** Loss and the metrics of the problem type. Undefined quantities (no variance) are 0, as scikit-learn has them. */
export function computeMetrics(predictions: Predictions, options: MetricOptions): MetricsWithLoss {
  const { logits, labels, numLabels } = predictions;
  assert(
    logits.length === labels.length * numLabels,
    `${logits.length} logits for ${labels.length} rows`,
  );
  assert(labels.length > 0, 'metrics of no rows');
  return options.problemType === 'regression'
    ? regressionMetrics(predictions)
    : classificationMetrics(predictions, options.labelSmoothing);
}
