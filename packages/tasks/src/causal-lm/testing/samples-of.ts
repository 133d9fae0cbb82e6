/** Samples for tests. */
import { SampleCollector } from '../sample-collector.js';
import type { CausalSamples } from '../samples.js';

/** The tokens of a sample. */
export type Made = readonly (readonly [id: number, learned: boolean])[];

export function samplesOf(made: readonly Made[]): CausalSamples {
  const collector = new SampleCollector();
  made.forEach((tokens, row) =>
    collector.add({
      ids: tokens.map(([id]) => id),
      flags: Uint8Array.from(tokens, ([, learned]) => Number(learned)),
      row,
      isCut: false,
    }),
  );
  return collector.finish();
}
