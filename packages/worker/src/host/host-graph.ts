/** One compiled graph fed from the arena: parameters as they lie there, the dense gradient straight into a slot. */
import type { Slot } from '@microtune/arena';
import type { SparseRows } from '@microtune/collective';
import type { Executable } from '@microtune/engine';
import { graphNames, type ParameterLayout } from '@microtune/models';
import type { Batch, Outputs } from '@microtune/tasks';
import type { ShardBorder, Buffers } from '../shard-border.js';

const gradientPrefix = graphNames.gradient('');

/** Whether an output is a dense gradient, which goes into a slot. */
export function placeOf(layout: ParameterLayout, output: string) {
  if (!output.startsWith(gradientPrefix)) return undefined;
  return layout.places.get(output.slice(gradientPrefix.length));
}

export interface HostGraphParts {
  readonly executable: Executable;
  readonly border: ShardBorder;
  readonly layout: ParameterLayout;
  /** By graph input. */
  readonly parameters: Buffers;
}

export class HostGraph {
  readonly #parts: HostGraphParts;
  readonly #outputsTo = new Map<Slot, Buffers>();

  constructor(parts: HostGraphParts) {
    this.#parts = parts;
    Object.assign(parts.border.inputs, parts.parameters);
  }

  /** The dense gradient lands in `gradient`, laid out as the parameters. */
  async train(
    batch: Batch,
    step: number,
    gradient: Slot,
  ): Promise<{ lossSum: number; rows: SparseRows[] }> {
    const { border, executable } = this.#parts;
    await executable.run(border.fill(batch, step), this.#outputs(gradient));
    return { lossSum: border.lossSum, rows: border.rowGradients(batch) };
  }

  async evaluate(batch: Batch): Promise<Outputs> {
    const { border, executable } = this.#parts;
    await executable.run(border.fill(batch), border.outputs);
    return border.outputs;
  }

  dispose(): void {
    this.#parts.executable.dispose();
  }

  /** Every dense gradient as a view of its place in the slot, and the border's outputs. */
  #outputs(slot: Slot): Buffers {
    const known = this.#outputsTo.get(slot);
    if (known !== undefined) return known;
    const { border, executable, layout } = this.#parts;
    const outputs = { ...border.outputs };
    for (const { name } of executable.outputs) {
      const place = placeOf(layout, name);
      if (place !== undefined)
        outputs[name] = slot.view.subarray(place.start, place.start + place.count);
    }
    this.#outputsTo.set(slot, outputs);
    return outputs;
  }
}
