/** What `data inspect` found: as facts for machines, and for people with what is learned marked in the texts. */
import type { Inspection, ShownSample } from '@microtune/tasks';
import { counted, grouped, percent } from './format.js';
import { renderFacts } from './table.js';

/** One level of names as in the files of a run. */
export function inspectionFacts({
  counts,
  packing,
  shown,
  ...inspection
}: Inspection): Readonly<Record<string, unknown>> {
  return {
    form: inspection.form,
    chat_template: inspection.template,
    max_seq_length: inspection.maxSeqLength,
    rows: counts.rows,
    samples: inspection.samples,
    tokens: counts.tokens,
    target_tokens: counts.targetTokens,
    tokens_of_a_sample: inspection.tokens,
    target_tokens_of_a_sample: inspection.targetTokens,
    cut_rows: counts.cutRows,
    dropped_rows: counts.droppedRows,
    rows_without_target: counts.rowsWithoutTarget,
    lost_tokens: counts.lostTokens,
    duplicate_samples: counts.duplicateSamples,
    straddling_samples: counts.straddlingSamples,
    open_turns: counts.openTurns,
    packed_rows: packing.rows,
    packed_padded_share: packing.paddedShare,
    unpacked_padded_share: packing.unpackedPaddedShare,
    notes: inspection.notes,
    shown: shown.map(({ row, tokens, targetTokens, parts }) => ({
      row,
      tokens,
      target_tokens: targetTokens,
      parts,
    })),
  };
}

export function inspectionText(inspection: Inspection): string {
  const { counts, packing, tokens, targetTokens, maxSeqLength } = inspection;
  const spread = ({ min, median, p95, max }: Inspection['tokens']): string =>
    `min ${grouped(min)}, median ${grouped(median)}, p95 ${grouped(p95)}, max ${grouped(max)}`;
  const facts = renderFacts([
    ['rows are', inspection.form],
    ['chat template', inspection.template ?? 'none'],
    ['rows', grouped(counts.rows)],
    ['samples', grouped(inspection.samples)],
    ['tokens', `${grouped(counts.tokens)}; of a sample: ${spread(tokens)}`],
    [
      'learned tokens',
      `${grouped(counts.targetTokens)} (${percent(counts.targetTokens / counts.tokens)}); of a sample: ${spread(targetTokens)}`,
    ],
    ['cut to max_seq_length', `${counted(counts.cutRows, 'row')} (max_seq_length ${maxSeqLength})`],
    ['left out', counted(counts.droppedRows + counts.rowsWithoutTarget, 'row')],
    ['duplicates', counted(counts.duplicateSamples, 'sample')],
    [
      'padding',
      `${percent(packing.unpackedPaddedShare)} with a sample a row, ${percent(packing.paddedShare)} packed into ${counted(packing.rows, 'row')} of ${maxSeqLength}`,
    ],
  ]);
  return [
    facts,
    ...inspection.notes.map((note) => `note: ${note}`),
    ...inspection.shown.map(sampleText),
  ].join('\n');
}

/** Lines of what is given begin with `  | `, those of what is learned with `  > `. */
function sampleText({ row, tokens, targetTokens, parts }: ShownSample): string {
  const lines = parts.flatMap(({ learned, text }) =>
    text.split('\n').map((line) => `  ${learned ? '>' : '|'} ${line}`),
  );
  return [
    `\nrow ${row}: ${counted(tokens, 'token')}, ${grouped(targetTokens)} learned (marked with >)`,
    ...lines,
  ].join('\n');
}
