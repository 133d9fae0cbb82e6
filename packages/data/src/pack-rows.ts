/**
 * Packing: several short samples share a row, one behind the other, so that fewer tokens are padding. Best fit
 * decreasing (Johnson, 1973): longest first, each into the fullest row that has room for it, or into a new one.
 */

/** How far rows are filled. */
export interface Packing {
  /** Samples share a row while they have at most so many tokens together; a longer one has a row to itself. */
  readonly rowTokens: number;
  /** At most so many samples in a row. */
  readonly samplesPerRow: number;
}

/** Every sample has a row to itself. */
export const unpacked: Packing = { rowTokens: 0, samplesPerRow: 1 };

export interface PackedRow {
  readonly samples: readonly number[];
  /** Of all its samples. */
  readonly tokens: number;
}

/**
 * A pure function of its arguments.
 * @param samples indices into `lengths`, in order of falling length
 * @param lengths tokens of every sample of the data set
 * @returns rows in order of falling length; those of equal length in the order in which they were opened
 */
export function packRows(
  samples: readonly number[],
  lengths: Int32Array,
  { rowTokens, samplesPerRow }: Packing,
): PackedRow[] {
  const rows: { samples: number[]; tokens: number }[] = [];
  /** Rows with room for one more, by the tokens they have left. */
  const open: (typeof rows)[] = Array.from({ length: rowTokens + 1 }, () => []);
  for (const sample of samples) {
    const tokens = lengths[sample] ?? 0;
    const row = takeFullest(open, tokens) ?? { samples: [], tokens: 0 };
    if (row.samples.length === 0) rows.push(row);
    row.samples.push(sample);
    row.tokens += tokens;
    if (row.samples.length < samplesPerRow) open[rowTokens - row.tokens]?.push(row);
  }
  return rows.sort((a, b) => b.tokens - a.tokens);
}

function takeFullest<Row>(open: readonly Row[][], tokens: number): Row | undefined {
  for (let left = tokens; left < open.length; left++) {
    const row = open[left]?.pop();
    if (row !== undefined) return row;
  }
  return undefined;
}
