/**
 * Evaluation metrics from gathered logits: one entry per evaluation row, whoever computed it, in sample order, so that
 * the numbers do not depend on the number of workers. All sums are float64 over float32 logits.
 * Definitions are those of scikit-learn and scipy; oracle/metrics.py makes the reference numbers.
 */
import { assert, type LabelTask } from '@microtune/shared';
import type { MetricsWithLoss } from '../task.js';
import { classificationMetrics } from './classification-metrics.js';
import { regressionMetrics } from './regression-metrics.js';

export interface Predictions {
  readonly numLabels: number;
  /** [rows, numLabels] row-major. */
  readonly logits: Float32Array;
  /** [rows]: class ids, or targets of a regression. */
  readonly labels: Float32Array;
}

export interface MetricOptions {
  /** Applied to the evaluation loss too, as HuggingFace's Trainer does. */
  readonly labelSmoothing: number;
}

/** The names `computeMetrics` will give, known before any evaluation. */
export function metricNames(task: LabelTask): string[] {
  if (task.kind === 'regression') return ['loss', 'mse', 'pearson', 'spearmanr'];
  const names = ['loss', 'accuracy', 'f1_macro', 'matthews_correlation'];
  return task.labels.length === 2 ? [...names, 'f1'] : names;
}

/** Loss and the metrics of the task. Undefined quantities (no variance) are 0, as scikit-learn has them. */
export function computeMetrics(
  predictions: Predictions,
  { kind }: LabelTask,
  options: MetricOptions,
): MetricsWithLoss {
  const { logits, labels, numLabels } = predictions;
  assert(
    logits.length === labels.length * numLabels,
    `${logits.length} logits for ${labels.length} rows`,
  );
  assert(labels.length > 0, 'metrics of no rows');
  return kind === 'regression'
    ? regressionMetrics(predictions)
    : classificationMetrics(predictions, options.labelSmoothing);
}
