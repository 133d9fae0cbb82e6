/** What became of the rows of the files on their way to samples; every number is said before training. */
export interface SampleCounts {
  readonly rows: number;
  /** Rows longer than a sample may be, of which the start was kept. */
  readonly cutRows: number;
  /** Rows left out because they are longer. */
  readonly droppedRows: number;
  /** Rows left out because no token of them would be counted, e.g. when the answer begins behind the cut. */
  readonly rowsWithoutTarget: number;
  /** Samples whose tokens an earlier one has, learned ones alike. They stay. */
  readonly duplicateSamples: number;
  /** Of the samples: all tokens, and those whose prediction counts. */
  readonly tokens: number;
  readonly targetTokens: number;
  /** Tokens of rows that were cut or dropped, which nobody sees. */
  readonly lostTokens: number;
  /** Samples in which a token reaches from what is given into what is learned. */
  readonly straddlingSamples: number;
  /** Assistant turns that the template ends with no end token. */
  readonly openTurns: number;
}

export const noCounts: SampleCounts = {
  rows: 0,
  cutRows: 0,
  droppedRows: 0,
  rowsWithoutTarget: 0,
  duplicateSamples: 0,
  tokens: 0,
  targetTokens: 0,
  lostTokens: 0,
  straddlingSamples: 0,
  openTurns: 0,
};

/** The counts that somebody should know of, in words; empty where all is well. */
export function countNotes(
  counts: SampleCounts,
  { maxSeqLength }: { maxSeqLength: number },
): string[] {
  const of = `of ${counts.rows} ${counts.rows === 1 ? 'row' : 'rows'}`;
  const said: readonly (readonly [count: number, text: string])[] = [
    [
      counts.cutRows,
      `${counts.cutRows} ${of} have more than ${maxSeqLength} tokens and were cut there; raise max_seq_length where the model takes more`,
    ],
    [
      counts.droppedRows,
      `${counts.droppedRows} ${of} have more than ${maxSeqLength} tokens and were left out`,
    ],
    [
      counts.rowsWithoutTarget,
      `${counts.rowsWithoutTarget} ${of} have nothing to learn within ${maxSeqLength} tokens and were left out`,
    ],
    [
      counts.duplicateSamples,
      `${counts.duplicateSamples} ${counts.duplicateSamples === 1 ? 'sample has' : 'samples have'} the tokens of an earlier one`,
    ],
    [
      counts.straddlingSamples,
      `in ${counts.straddlingSamples} samples a token reaches from the prompt into the completion (does the prompt end with a space?): it is learned, but a prompt given later ends otherwise`,
    ],
    [
      counts.openTurns,
      `the chat template ends ${counts.openTurns} assistant turns without an end token: the model does not learn to stop there`,
    ],
  ];
  return said.flatMap(([count, text]) => (count > 0 ? [text] : []));
}
