/** Classification and regression of whole texts: each sample has one label. */
import type { TokenizedDataset } from '@microtune/data';
import { labelCount, placesIn, samplesIn, type LabelTask } from '@microtune/shared';
import { createCollator, type Fill } from '../collator.js';
import type { Task } from '../task.js';
import { requireRoom, tokenFills } from '../token-inputs.js';
import { classIds, ignoreIndex, targets, targetWeights } from './label-inputs.js';
import { gatherLogits, logitsDigest } from './logits-digest.js';
import { computeMetrics, metricNames } from './metrics.js';

export interface LabelTaskOptions {
  /** Applied to the evaluation loss too, as HuggingFace's Trainer does. */
  readonly labelSmoothing: number;
}

export function labelTask(spec: LabelTask, options: LabelTaskOptions): Task<TokenizedDataset> {
  const width = labelCount(spec);
  return {
    spec,
    metricNames: metricNames(spec),
    collator: (data, specs, tokenOptions) =>
      createCollator(specs, {
        fills: { ...tokenFills(data, tokenOptions), ...labelFills(spec, data) },
        check: (shard) => requireRoom(shard, data),
        weigh: (shard) => samplesIn(shard).length,
      }),
    digest: (batch, outputs) => logitsDigest(batch, outputs, width),
    score: (evaluated, data) => {
      const logits = gatherLogits(evaluated, { size: data.size, width });
      return computeMetrics({ numLabels: width, logits, labels: data.labels }, spec, options);
    },
  };
}

function labelFills(
  { kind }: LabelTask,
  { labels }: TokenizedDataset,
): Readonly<Record<string, Fill>> {
  /** @param missing of places without a sample */
  const fill =
    (value: (sample: number) => number, missing: number): Fill =>
    (into, shard) => {
      into.fill(missing);
      for (const { sample, place } of placesIn(shard)) into[place] = value(sample);
    };
  const labelAt = (sample: number): number => labels[sample] ?? Number.NaN;
  return kind === 'regression'
    ? { [targets.name]: fill(labelAt, 0), [targetWeights.name]: fill(() => 1, 0) }
    : { [classIds.name]: fill(labelAt, ignoreIndex) };
}
