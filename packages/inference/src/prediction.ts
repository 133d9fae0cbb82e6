/** Logits of one text -> what the model says about it. */
import type { LabelTask } from '@microtune/shared';

/** Of a classifier. */
export interface ClassPrediction {
  /** Name of the most probable class. */
  readonly label: string;
  /** Its probability, 0 to 1. */
  readonly score: number;
  /** Probability of every class by name; they add up to 1. */
  readonly scores: Readonly<Record<string, number>>;
}

/** Of a regression model. */
export interface ValuePrediction {
  readonly label?: undefined;
  /** The predicted number. */
  readonly score: number;
  readonly scores?: undefined;
}

export type Prediction = ClassPrediction | ValuePrediction;

/** @param logits [labelCount(task)] */
export function predictionOf(logits: Float32Array, task: LabelTask): Prediction {
  if (task.kind === 'regression') return { score: logits[0] ?? Number.NaN };
  const { labels } = task;
  // Softmax in float64, less the largest logit so that nothing overflows.
  const largest = Math.max(...logits);
  const exponentials = Array.from(logits, (logit) => Math.exp(logit - largest));
  const total = exponentials.reduce((sum, value) => sum + value, 0);
  const probabilities = exponentials.map((value) => value / total);
  const best = logits.indexOf(largest);
  return {
    label: labels[best] ?? String(best),
    score: probabilities[best] ?? Number.NaN,
    scores: Object.fromEntries(probabilities.map((value, id) => [labels[id] ?? String(id), value])),
  };
}
