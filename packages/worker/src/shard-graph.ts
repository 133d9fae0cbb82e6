/**
 * One compiled graph with everything it reads and writes: parameters in the arena, the batch's buffers, rows gathered
 * from tables on the host, dropout masks; and where its outputs land. Buffers are made once per shape, because engines
 * know a buffer again by its identity.
 */
import type { Slot } from '@microtune/arena';
import type { SparseRows } from '@microtune/collective';
import type { Batch, DropoutMasks } from '@microtune/data';
import type { Executable, HostBuffer, HostRows, TensorSpec } from '@microtune/engine';
import { graphNames, type ParameterBlock, type TracedGraph } from '@microtune/models';
import { assert, type ShardShape } from '@microtune/shared';
import { sumRowsById } from './sum-rows.js';

/** What all shapes share. */
export interface Bindings {
  readonly parameters: ParameterBlock;
  readonly masks: DropoutMasks;
  readonly isRegression: boolean;
}

export interface ShardGraph {
  /**
   * Forward and backward of one batch. The dense gradient lands in `gradient`, laid out as the parameters.
   * @param step decides the dropout masks
   */
  train(
    batch: Batch,
    step: number,
    gradient: Slot,
  ): Promise<{ lossSum: number; rows: SparseRows[] }>;
  /** Forward alone; logits [rows, numLabels], valid until the next run. */
  evaluate(batch: Batch): Promise<{ lossSum: number; logits: Float32Array }>;
  dispose(): void;
}

export interface ShardGraphParts {
  readonly traced: TracedGraph;
  readonly executable: Executable;
  readonly shape: ShardShape;
  readonly bindings: Bindings;
}

type Buffers = Record<string, HostBuffer>;

export function bindShardGraph({
  traced,
  executable,
  shape,
  bindings,
}: ShardGraphParts): ShardGraph {
  const { graph, dropoutSites } = traced;
  const { parameters, masks } = bindings;
  const fixed = fixedInputs(executable.inputs, bindings);
  const own = ownBuffers(executable, graph.hostRows);
  const lossSum = own[graphNames.lossSum];
  const gradients = new Map<Slot, Buffers>();

  const inputsOf = (batch: Batch): Buffers => {
    const ofBatch = batchInputs(batch, bindings.isRegression);
    for (const rows of graph.hostRows)
      gatherRows(rows, { parameters, ids: ofBatch[rows.ids], into: own[rows.rowsInput] });
    const inputs: Buffers = {};
    for (const { name } of executable.inputs) {
      const buffer = fixed[name] ?? ofBatch[name] ?? own[name];
      assert(buffer, `graph input ${name} has no buffer`);
      inputs[name] = buffer;
    }
    return inputs;
  };
  const outputsTo = (gradient: Slot): Buffers => {
    const known =
      gradients.get(gradient) ?? gradientViews(executable.outputs, { parameters, gradient, own });
    gradients.set(gradient, known);
    return known;
  };
  return {
    train: async (batch, step, gradient) => {
      const inputs = inputsOf(batch);
      for (const site of dropoutSites) {
        const mask = inputs[graphNames.dropoutMask(site.site)];
        assert(mask instanceof Uint8Array, `dropout site ${site.site} has a mask`);
        masks.fill(mask, site, { step, rows: shape.rows, samples: batch.samples });
      }
      await executable.run(inputs, outputsTo(gradient));
      return { lossSum: lossSum?.[0] ?? NaN, rows: summedRows(graph.hostRows, batch, own) };
    },
    evaluate: async (batch) => {
      const logits = own[graphNames.logits];
      assert(logits instanceof Float32Array, 'an evaluation graph gives logits');
      await executable.run(inputsOf(batch), own);
      return { lossSum: lossSum?.[0] ?? NaN, logits };
    },
    dispose: () => executable.dispose(),
  };
}

/** Parameters, by the names of the graph's inputs. */
function fixedInputs(inputs: readonly TensorSpec[], { parameters }: Bindings): Buffers {
  const byName = new Map(
    parameters.layout.parameters.map((parameter) => [parameter.name, parameter]),
  );
  const fixed: Buffers = {};
  for (const { name } of inputs) {
    const parameter = byName.get(name);
    if (parameter !== undefined) fixed[name] = parameters.view(parameter);
  }
  return fixed;
}

function batchInputs(batch: Batch, isRegression: boolean): Buffers {
  return {
    [graphNames.inputIds]: batch.inputIds,
    [graphNames.attentionMask]: batch.attentionMask,
    [graphNames.tokenTypeIds]: batch.tokenTypeIds,
    [graphNames.labels]: isRegression ? batch.targets : batch.labelIds,
    [graphNames.rowWeights]: batch.rowWeights,
  };
}

const gradientPrefix = graphNames.gradient('');
const maskPrefix = graphNames.dropoutMask('');

/** Buffers of this shape: gathered rows and their gradients, masks, loss, logits. */
function ownBuffers({ inputs, outputs }: Executable, hostRows: readonly HostRows[]): Buffers {
  const isRows = (name: string): boolean =>
    hostRows.some(({ rowsInput, gradientOutput }) => name === rowsInput || name === gradientOutput);
  const ownInputs = inputs.filter(({ name }) => isRows(name) || name.startsWith(maskPrefix));
  const ownOutputs = outputs.filter(({ name }) => isRows(name) || !name.startsWith(gradientPrefix));
  return Object.fromEntries(
    [...ownInputs, ...ownOutputs].map((spec) => [spec.name, bufferOf(spec)]),
  );
}

function bufferOf({ shape, dtype }: TensorSpec): HostBuffer {
  const count = shape.reduce((product, dimension) => product * dimension, 1);
  switch (dtype) {
    case 'float32':
      return new Float32Array(count);
    case 'int32':
      return new Int32Array(count);
    case 'bool':
      return new Uint8Array(count);
  }
}

/** Every dense gradient as a view of its place in the slot. */
function gradientViews(
  outputs: readonly TensorSpec[],
  { parameters, gradient, own }: { parameters: ParameterBlock; gradient: Slot; own: Buffers },
): Buffers {
  const views: Buffers = {};
  for (const { name } of outputs) {
    const place = parameters.layout.places.get(name.slice(gradientPrefix.length));
    const isDense =
      name.startsWith(gradientPrefix) && place !== undefined && own[name] === undefined;
    const buffer = isDense
      ? gradient.view.subarray(place.start, place.start + place.count)
      : own[name];
    assert(buffer, `graph output ${name} has no buffer`);
    views[name] = buffer;
  }
  return views;
}

function gatherRows(
  { table, tableShape }: HostRows,
  {
    parameters,
    ids,
    into,
  }: { parameters: ParameterBlock; ids: HostBuffer | undefined; into: HostBuffer | undefined },
): void {
  const parameter = parameters.layout.tables.find(({ name }) => name === table);
  assert(parameter && ids && into instanceof Float32Array, `rows of ${table} can be gathered`);
  const values = parameters.view(parameter);
  const width = tableShape[1];
  ids.forEach((id, position) =>
    into.set(values.subarray(id * width, (id + 1) * width), position * width),
  );
}

/** In the order of the run's tables. */
function summedRows(hostRows: readonly HostRows[], batch: Batch, own: Buffers): SparseRows[] {
  return hostRows.map(({ gradientOutput, tableShape, ids }) => {
    const gradients = own[gradientOutput ?? ''];
    const idBuffer = batchInputs(batch, false)[ids];
    assert(
      gradients instanceof Float32Array && idBuffer instanceof Int32Array,
      'rows have gradients',
    );
    return sumRowsById(idBuffer, gradients, tableShape[1]);
  });
}
