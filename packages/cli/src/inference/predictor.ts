/** What `predict` needs of a model; tests give a simpler one. */
import type { TextRow } from './prediction-input.js';

/** Classes: the best label, its probability, and all of them. Regression: the predicted number alone. */
export interface Prediction {
  readonly label?: string;
  readonly score: number;
  readonly scores?: Readonly<Record<string, number>>;
}

export interface Predictor {
  /** As many predictions as rows, in order. */
  predict(rows: readonly TextRow[]): Promise<readonly Prediction[]>;
  close(): void;
}

/**
 * @param logits [numLabels]
 * @param labels names by id; empty for regression
 */
export function predictionOf(logits: ArrayLike<number>, labels: readonly string[]): Prediction {
  const values = Array.from(logits);
  if (labels.length === 0) return { score: values[0] ?? Number.NaN };
  const largest = Math.max(...values);
  const exponentials = values.map((value) => Math.exp(value - largest));
  const total = exponentials.reduce((sum, value) => sum + value, 0);
  const probabilities = exponentials.map((value) => value / total);
  const best = values.indexOf(largest);
  return {
    label: labels[best] ?? String(best),
    score: probabilities[best] ?? Number.NaN,
    scores: Object.fromEntries(
      probabilities.map((probability, id) => [labels[id] ?? String(id), probability]),
    ),
  };
}
