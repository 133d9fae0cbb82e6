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

type FieldName = 'step' | 'loss' | 'rate' | 'speed' | 'remaining';
type Field = readonly [name: FieldName, text: string];

const widestBar = 20;
const narrowestBar = 8;
/** Columns of the `^C` that a terminal writes behind the line: with it, too, it must not wrap. */
const echoOfCtrlC = 2;
/** What a narrow terminal does without, so that the bar stays. */
const dropped: readonly (readonly FieldName[])[] = [[], ['rate'], ['rate', 'speed']];

/**
 * `step 120/400  [######--------------]  loss 0.3456  lr 4.5e-5  7,812 tokens/s  ETA 1 min 05 s`, shorter than `columns`:
 * first the bar shrinks, then learning rate and speed give way.
 */
export function progressLine(progress: Progress, columns: number): string {
  const width = Math.max(1, columns - 1 - echoOfCtrlC);
  const all = fields(progress);
  for (const names of dropped) {
    const kept = textsOf(all.filter(([name]) => !names.includes(name)));
    const cells = width - kept.join('  ').length - '  []'.length;
    if (cells < narrowestBar) continue;
    const [step = '', ...rest] = kept;
    return [step, bar(progress, Math.min(widestBar, cells)), ...rest].join('  ');
  }
  return textsOf(all.filter(([name]) => name !== 'rate' && name !== 'speed'))
    .join('  ')
    .slice(0, width);
}

/** The same without the bar, for logs. */
export function progressLog(progress: Progress): string {
  return textsOf(fields(progress)).join('  ');
}

function bar({ step, totalSteps }: Progress, cells: number): string {
  const filled = Math.min(cells, Math.round((cells * step) / Math.max(1, totalSteps)));
  return `[${'#'.repeat(filled)}${'-'.repeat(cells - filled)}]`;
}

function textsOf(some: readonly Field[]): string[] {
  return some.map(([, text]) => text);
}

function fields({
  step,
  totalSteps,
  loss,
  learningRate,
  tokensPerSecond,
  remainingSeconds,
}: Progress): Field[] {
  const parts: Field[] = [['step', `step ${step}/${totalSteps}`]];
  if (loss !== undefined) parts.push(['loss', `loss ${shortNumber(loss)}`]);
  parts.push(['rate', `lr ${shortNumber(learningRate)}`]);
  if (tokensPerSecond !== undefined) parts.push(['speed', `${grouped(tokensPerSecond)} tokens/s`]);
  if (remainingSeconds !== undefined && step < totalSteps)
    parts.push(['remaining', `ETA ${duration(remainingSeconds)}`]);
  return parts;
}
