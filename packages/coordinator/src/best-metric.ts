/** Which evaluation is the best so far, and when to stop early: the rules of HuggingFace's Trainer and EarlyStoppingCallback. */
import { MicrotuneError, type ResolvedConfig } from '@microtune/shared';
import type { Metrics } from '@microtune/tasks';

export interface Best {
  readonly value: number;
  readonly step: number;
  readonly metrics: Metrics;
}

export interface Progress {
  readonly best: Best | undefined;
  readonly isBest: boolean;
  /** Evaluations in a row without an improvement that counts. */
  readonly evaluationsWithoutImprovement: number;
}

type MetricChoice = Pick<
  ResolvedConfig,
  'metricForBestModel' | 'greaterIsBetter' | 'earlyStoppingThreshold'
>;

/** Name without the `eval_` that users may write. */
export function bestMetricName(config: Pick<ResolvedConfig, 'metricForBestModel'>): string {
  return (config.metricForBestModel ?? 'loss').replace(/^eval_/, '');
}

/**
 * @param before what was known before this evaluation
 * @throws MicrotuneError `usage` when the chosen metric is not among those of this problem
 */
export function judgeEvaluation(
  config: MetricChoice,
  before: Pick<Progress, 'best' | 'evaluationsWithoutImprovement'>,
  evaluation: { step: number; metrics: Metrics },
): Progress {
  const name = bestMetricName(config);
  const value = evaluation.metrics[name];
  if (value === undefined) {
    const known = Object.keys(evaluation.metrics).join(', ');
    throw new MicrotuneError(
      'usage',
      `metric_for_best_model: no metric "${name}" here; there are ${known}`,
    );
  }
  const greaterIsBetter = config.greaterIsBetter ?? !name.endsWith('loss');
  const gain =
    before.best === undefined ? Infinity : (value - before.best.value) * (greaterIsBetter ? 1 : -1);
  const isBest = gain > 0 && !Number.isNaN(value);
  return {
    isBest,
    best: isBest ? { value, step: evaluation.step, metrics: evaluation.metrics } : before.best,
    evaluationsWithoutImprovement:
      gain > config.earlyStoppingThreshold ? 0 : before.evaluationsWithoutImprovement + 1,
  };
}
