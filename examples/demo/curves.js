/** Accuracies of runs side by side, from what they wrote into metrics.jsonl. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Characters of a bar at accuracy 1. */
const barWidth = 25;

/**
 * @param {string} folder of a run
 * @returns {Map<number, number>} accuracy of each evaluation by step
 */
export function accuraciesOf(folder) {
  const lines = readFileSync(join(folder, 'metrics.jsonl'), 'utf8').trim().split('\n');
  return new Map(
    lines
      .map((line) => JSON.parse(line))
      .filter(({ eval_accuracy: accuracy }) => accuracy !== undefined)
      .map(({ step, eval_accuracy: accuracy }) => [step, accuracy]),
  );
}

/**
 * @param {Record<string, Map<number, number>>} curves by title
 * @returns {string} a line a step, a column a curve
 */
export function sideBySide(curves) {
  const steps = [...Object.values(curves)[0].keys()];
  const width = barWidth + 8;
  const rows = steps.map((step) =>
    Object.values(curves).reduce(
      (line, curve) => line + cell(curve.get(step)).padEnd(width),
      String(step).padStart(4).padEnd(7),
    ),
  );
  const head = Object.keys(curves).reduce((line, title) => line + title.padEnd(width), 'step   ');
  return [head, ...rows].map((line) => line.trimEnd()).join('\n');
}

function cell(accuracy) {
  return `${accuracy.toFixed(3)} ${'█'.repeat(Math.round(accuracy * barWidth))}`;
}
