/** Logits of one row -> what `predict` says about it. */

/** Classes: the best label, its probability, and all of them. Regression: the predicted number alone. */
export interface Prediction {
  readonly label?: string;
  readonly score: number;
  readonly scores?: Readonly<Record<string, number>>;
}

/**
 * @param logits [numLabels]
 * @param labels names by id; empty for regression
 */
export function predictionOf(logits: Float32Array, labels: readonly string[]): Prediction {
  if (labels.length === 0) return { score: logits[0] ?? Number.NaN };
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
