/**
 * What one compiled graph exchanges with the host: the batch, rows gathered from tables and dropout masks go in; loss,
 * logits and gradients of rows come out. Everything is made once per shape, because engines know a buffer again by its
 * identity; the batcher's buffers, too, stay the same for a shape.
 */
import { gatherRows, sumRowsById } from '@microtune/arena';
import type { SparseRows } from '@microtune/collective';
import type { Batch, DropoutMasks } from '@microtune/data';
import type { HostBuffer, TensorSpec } from '@microtune/engine';
import {
  graphNames,
  tokenFields,
  type DropoutSite,
  type ParameterBlock,
  type KeptGraph,
} from '@microtune/models';
import { assert, type ShardShape } from '@microtune/shared';

/** What all shapes share. */
export interface Bindings {
  /** On the host: all of them, or tables alone where the rest is on a device. */
  readonly parameters: ParameterBlock;
  readonly masks: DropoutMasks;
  readonly isRegression: boolean;
}

export type Buffers = Record<string, HostBuffer>;

export interface ShardBorderParts {
  readonly traced: Pick<KeptGraph, 'hostRows' | 'dropoutSites'>;
  readonly shape: ShardShape;
  readonly bindings: Bindings;
  /** Of the graph, without what the caller feeds itself. */
  readonly inputs: readonly TensorSpec[];
  /** Of the graph, without dense gradients. */
  readonly outputs: readonly TensorSpec[];
}

type BatchField = Exclude<keyof Batch, 'shape' | 'rows' | 'weight'>;

/** Rows of one table: fed from it, and what comes back. */
interface TableRows {
  readonly ids: 'inputIds' | 'tokenTypeIds';
  readonly table: Float32Array; // [rows, width]
  readonly width: number;
  readonly into: Float32Array; // [positions, width]
  /** [positions, width]; undefined without a backward pass. */
  readonly gradients: Float32Array | undefined;
}

export class ShardBorder {
  /** By name, complete after `fill`. */
  readonly inputs: Buffers;
  /** By name, valid after a run until the next one. */
  readonly outputs: Buffers;
  readonly #shape: ShardShape;
  readonly #dropout: DropoutMasks;
  readonly #ofBatch: readonly (readonly [name: string, field: BatchField])[];
  readonly #tables: readonly TableRows[];
  readonly #masks: readonly (readonly [mask: Uint8Array, site: DropoutSite])[];

  constructor({ traced, shape, bindings, inputs, outputs }: ShardBorderParts) {
    const { hostRows, dropoutSites } = traced;
    const fields = batchFields(bindings.isRegression);
    const own = inputs.filter(({ name }) => fields[name] === undefined);
    this.inputs = Object.fromEntries(own.map((spec) => [spec.name, bufferOf(spec)]));
    this.outputs = Object.fromEntries(outputs.map((spec) => [spec.name, bufferOf(spec)]));
    this.#shape = shape;
    this.#dropout = bindings.masks;
    this.#ofBatch = inputs.flatMap(({ name }) => {
      const field = fields[name];
      return field === undefined ? [] : [[name, field] as const];
    });
    this.#tables = hostRows.map((rows) => this.#tableRows(rows, bindings.parameters));
    this.#masks = dropoutSites.map((site) => {
      const mask = this.inputs[graphNames.dropoutMask(site.site)];
      assert(mask instanceof Uint8Array, `dropout site ${site.site} has a mask`);
      return [mask, site] as const;
    });
  }

  /** Everything the graph reads of one batch. @param step decides the dropout masks; unused without any */
  fill(batch: Batch, step = 0): Buffers {
    for (const [name, field] of this.#ofBatch) this.inputs[name] = batch[field];
    for (const { into, table, width, ids } of this.#tables)
      gatherRows(into, { table, ids: batch[ids], width });
    const { rows } = this.#shape;
    const samples = batch.rows.flatMap((row) => row.slice(0, 1));
    for (const [mask, site] of this.#masks) this.#dropout.fill(mask, site, { step, rows, samples });
    return this.inputs;
  }

  get lossSum(): number {
    return this.outputs[graphNames.lossSum]?.[0] ?? NaN;
  }

  /** [rows * samplesPerRow, numLabels] */
  get logits(): Float32Array {
    const logits = this.outputs[graphNames.logits];
    assert(logits instanceof Float32Array, 'an evaluation graph gives logits');
    return logits;
  }

  /** Gradients of the rows that were fed, in the order of the run's tables. */
  rowGradients(batch: Batch): SparseRows[] {
    return this.#tables.map(({ gradients, ids, width }) => {
      assert(gradients, 'rows have gradients');
      return sumRowsById(gradients, batch[ids], width);
    });
  }

  #tableRows(
    { table, tableShape, ids, rowsInput, gradientOutput }: KeptGraph['hostRows'][number],
    parameters: ParameterBlock,
  ): TableRows {
    const parameter = parameters.layout.tables.find(({ name }) => name === table);
    const into = this.inputs[rowsInput];
    const gradients = gradientOutput === undefined ? undefined : this.outputs[gradientOutput];
    const field = batchFields(false)[ids];
    assert(
      parameter &&
        into instanceof Float32Array &&
        (field === 'inputIds' || field === 'tokenTypeIds'),
      `rows of ${table} can be gathered`,
    );
    assert(gradients === undefined || gradients instanceof Float32Array, 'gradients are float32');
    return {
      ids: field,
      table: parameters.view(parameter),
      width: tableShape[1],
      into,
      gradients,
    };
  }
}

/** By the graph's names. */
function batchFields(isRegression: boolean): Readonly<Partial<Record<string, BatchField>>> {
  return {
    ...tokenFields,
    [graphNames.labels]: isRegression ? 'targets' : 'labelIds',
    [graphNames.labelWeights]: 'labelWeights',
  };
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
