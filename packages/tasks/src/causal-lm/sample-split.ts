/** Samples as a split of a task: what is planned, batched and scored. */
import type { TaskSplit } from '../opened-task.js';
import { createCausalCollator } from './causal-collator.js';
import { scoreCausal } from './causal-digest.js';
import type { CausalSamples } from './samples.js';

export interface SampleSplit {
  readonly samples: CausalSamples;
  readonly split: TaskSplit;
}

const noTypes = new Uint8Array(0);

export function splitOf(
  samples: CausalSamples,
  contentHash: string,
  padTokenId: number,
): SampleSplit {
  const targetTokens = samples.targets.reduce((sum, count) => sum + count, 0);
  return {
    samples,
    split: {
      size: samples.size,
      lengths: samples.lengths,
      targets: samples.targets,
      contentHash,
      tokens: { lengths: samples.lengths, ids: samples.ids, typeIds: noTypes },
      collator: (specs) => createCausalCollator(samples, specs, { padTokenId }),
      score: (evaluated) => scoreCausal(evaluated, targetTokens),
    },
  };
}
