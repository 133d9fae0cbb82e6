/**
 * The batch of one shard for a causal language model. A token predicts the next of its own sample, also where several samples share
 * a row: a sample's last token predicts nothing, its first is predicted by nothing.
 */
import type { TokenizedTexts } from '@microtune/data';
import { assert, samplesIn, type Shard } from '@microtune/shared';
import { createCollator, type Collate, type Fill } from '../collator.js';
import type { InputSpec } from '../input-spec.js';
import { requireRoom, spansOf, tokenFills, type TokenOptions } from '../token-inputs.js';
import { causalInputs, targetTokensOf } from './causal-inputs.js';
import { boundsOf, isTarget, type CausalSamples } from './samples.js';

/** Language models have no segments. */
const noTypes = new Uint8Array(0);

type TypedSamples = CausalSamples & Pick<TokenizedTexts, 'typeIds'>;

/** Predictions of the shard that count: the weight of its loss. */
export function targetsIn({ targets }: Pick<CausalSamples, 'targets'>, shard: Shard): number {
  return samplesIn(shard).reduce((sum, sample) => sum + (targets[sample] ?? 0), 0);
}

/**
 * Batches are pure functions of samples, shard and options. No prediction that counts looks at a padding token, so any will do.
 * @returns a function that throws MicrotuneError `internal` for a shard that does not fit its shape
 */
export function createCausalCollator(
  samples: CausalSamples,
  specs: readonly InputSpec[],
  options: TokenOptions,
): Collate {
  const typed = { ...samples, typeIds: noTypes };
  return createCollator(specs, {
    fills: { ...tokenFills(typed, options), ...targetFills(typed) },
    check: (shard) => {
      requireRoom(shard, typed);
      const [targets, room] = [targetsIn(samples, shard), targetTokensOf(shard.shape)];
      assert(targets <= room, `${targets} target tokens where there is room for ${room}`);
    },
    weigh: (shard) => targetsIn(samples, shard),
  });
}

function targetFills(samples: TypedSamples): Readonly<Record<string, Fill>> {
  return {
    [causalInputs.targetCells.name]: (into, shard) => {
      let target = 0;
      for (const { cell } of targetsOf(samples, shard)) into[target++] = cell;
      into.fill(0, target);
    },
    [causalInputs.targetIds.name]: (into, shard) => {
      let target = 0;
      for (const { id } of targetsOf(samples, shard)) into[target++] = id;
      into.fill(0, target);
    },
    [causalInputs.targetWeights.name]: (into, shard) => {
      const targets = targetsIn(samples, shard);
      into.fill(1, 0, targets).fill(0, targets);
    },
  };
}

/** The predictions that count, in the order of their cells. */
function* targetsOf(samples: TypedSamples, shard: Shard): Generator<{ cell: number; id: number }> {
  for (const { sample, start } of spansOf(samples, shard)) {
    const [from, to] = boundsOf(samples, sample);
    for (let at = from + 1; at < to; at++) {
      if (isTarget(samples, at, from))
        yield { cell: start + at - from - 1, id: samples.ids[at] ?? 0 };
    }
  }
}
