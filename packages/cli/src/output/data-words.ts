/** A report on the data, in words. */
import type { DataReport, SplitReport } from '@microtune/data';
import { counted, grouped, percent, shortNumber } from './format.js';

/** Classes shown by name. */
const shownClasses = 10;
/** Share of rows cut from which on texts are long for `max_seq_length`. */
const manyCut = 0.2;

/** e.g. `negative: 310, positive: 290`; the rest of many classes as one number. */
export function countsText(counts: NonNullable<SplitReport['classCounts']>): string {
  const shown = counts
    .slice(0, shownClasses)
    .map(({ label, rows }) => `${label}: ${grouped(rows)}`);
  const rest = counts.slice(shownClasses);
  const restRows = rest.reduce((sum, { rows }) => sum + rows, 0);
  return [
    ...shown,
    ...(rest.length > 0 ? [`${rest.length} more classes: ${grouped(restRows)}`] : []),
  ].join(', ');
}

/** What is trained on, in a line. */
export function dataLine(
  { rows, classCounts, labelRange, tokens, rowsCut }: SplitReport,
  maxSeqLength: number,
): string {
  const labels = labelsText({ classCounts, labelRange });
  return (
    `${counted(rows, 'training row')}${labels}; ${grouped(tokens.median)} tokens in the median, ` +
    `${grouped(tokens.max)} at most, ${percent(rowsCut / rows)} cut to max_seq_length ${grouped(maxSeqLength)}`
  );
}

/** In brackets; empty where rows have no labels. */
function labelsText({
  classCounts,
  labelRange,
}: Pick<SplitReport, 'classCounts' | 'labelRange'>): string {
  if (classCounts !== undefined) return ` (${countsText(classCounts)})`;
  return labelRange === undefined
    ? ''
    : ` (labels from ${shortNumber(labelRange.min)} to ${shortNumber(labelRange.max)})`;
}

/** What somebody should look at before training; none of it stops a run. */
export function dataDoubts({ train, validation, overlapRows }: DataReport): string[] {
  const { rows, rowsCut, conflictingRows = 0, classCounts = [] } = train;
  const heldRows = validation?.rows ?? 0;
  const lonely = classCounts.filter((each) => each.rows === 1).map(({ label }) => label);
  return [
    ...(overlapRows > 0
      ? [
          `${overlapRows} of ${counted(heldRows, 'validation row')} (${percent(overlapRows / heldRows)}) have the text of a training row: the metrics flatter the model`,
        ]
      : []),
    ...(conflictingRows > 0
      ? [
          `${conflictingRows} of ${counted(rows, 'training row')} (${percent(conflictingRows / rows)}) have the text of another row and another label`,
        ]
      : []),
    ...(rowsCut > manyCut * rows
      ? [
          `${rowsCut} of ${counted(rows, 'training row')} (${percent(rowsCut / rows)}) are longer than max_seq_length ${train.tokens.max} and were cut; raise it where the model takes more`,
        ]
      : []),
    ...(lonely.length > 0
      ? [
          `${lonely.length === 1 ? 'a class has' : `${lonely.length} classes have`} one training row: ${named(lonely)}`,
        ]
      : []),
  ];
}

function named(labels: readonly string[]): string {
  const shown = labels.slice(0, shownClasses).map((label) => JSON.stringify(label));
  const more = labels.length - shown.length;
  return shown.join(', ') + (more > 0 ? ` and ${more} more` : '');
}
