/** The one line of a running training on a terminal, and its cousin for logs. */
import { duration, grouped, shortNumber } from './format.js';

export interface Progress {
  readonly step: number;
  readonly totalSteps: number;
  /** Mean loss of the latest steps. */
  readonly loss: number | undefined;
  readonly learningRate: number;
  /** Real tokens per second, padding not counted. */
  readonly tokensPerSecond: number | undefined;
  /** Seconds until the last step. */
  readonly remainingSeconds: number | undefined;
}

const barCells = 20;

/** `step 120/400  [######--------------]  loss 0.3456  lr 4.5e-5  7,812 tokens/s  ETA 1 min 05 s`, at most `columns` wide. */
export function progressLine(progress: Progress, columns: number): string {
  const filled = Math.round((barCells * progress.step) / Math.max(1, progress.totalSteps));
  const bar = `[${'#'.repeat(filled)}${'-'.repeat(barCells - filled)}]`;
  const parts = fields(progress);
  const withBar = [parts[0], bar, ...parts.slice(1)].join('  ');
  return (withBar.length < columns ? withBar : parts.join('  ')).slice(
    0,
    Math.max(20, columns - 1),
  );
}

/** The same without the bar, for logs. */
export function progressLog(progress: Progress): string {
  return fields(progress).join('  ');
}

function fields({
  step,
  totalSteps,
  loss,
  learningRate,
  tokensPerSecond,
  remainingSeconds,
}: Progress): string[] {
  const parts = [`step ${step}/${totalSteps}`];
  if (loss !== undefined) parts.push(`loss ${shortNumber(loss)}`);
  parts.push(`lr ${shortNumber(learningRate)}`);
  if (tokensPerSecond !== undefined) parts.push(`${grouped(tokensPerSecond)} tokens/s`);
  if (remainingSeconds !== undefined && step < totalSteps)
    parts.push(`ETA ${duration(remainingSeconds)}`);
  return parts;
}
