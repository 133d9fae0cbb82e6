/**
 * What one compiled graph exchanges with the host: the batch, rows gathered from tables and dropout masks go in; the
 * loss, what an evaluation asks for and gradients of rows come out. Everything is made once per shape, because engines know a buffer again by its
 * identity; the batcher's buffers, too, stay the same for a shape.
 */
import { gatherRows, sumRowsById } from '@microtune/arena';
import type { SparseRows } from '@microtune/collective';
import type { DropoutMasks } from '@microtune/data';
import type { HostBuffer, TensorSpec } from '@microtune/engine';
import {
  graphNames,
  type DropoutSite,
  type FrozenWeights,
  type ModelProgram,
  type ParameterBlock,
  type KeptGraph,
} from '@microtune/models';
import { assert, type ShardShape } from '@microtune/shared';
import type { Batch } from '@microtune/tasks';

/** What all shapes share. */
export interface Bindings {
  /** On the host: all of them, or tables alone where the rest is on a device. */
  readonly parameters: ParameterBlock;
  /** What is not trained, on the host as well. */
  readonly frozen: FrozenWeights;
  readonly masks: DropoutMasks;
}

export type Buffers = Record<string, HostBuffer>;

export interface ShardBorderParts {
  readonly program: Pick<ModelProgram, 'inputs' | 'labelInputs'>;
  readonly traced: Pick<KeptGraph, 'hostRows' | 'dropoutSites'>;
  readonly shape: ShardShape;
  readonly bindings: Bindings;
  /** Of the graph, without what the caller feeds itself. */
  readonly inputs: readonly TensorSpec[];
  /** Of the graph, without dense gradients. */
  readonly outputs: readonly TensorSpec[];
}

/** Rows of one table: fed from it, and what comes back. */
interface TableRows {
  /** Name of the batch's input that holds them. */
  readonly ids: string;
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
  /** Names of the graph's inputs that are the batch's. */
  readonly #ofBatch: readonly string[];
  readonly #tables: readonly TableRows[];
  readonly #masks: readonly (readonly [mask: Uint8Array, site: DropoutSite])[];

  constructor({ program, traced, shape, bindings, inputs, outputs }: ShardBorderParts) {
    const { hostRows, dropoutSites } = traced;
    const declared = new Set([...program.inputs, ...program.labelInputs].map(({ name }) => name));
    const own = inputs.filter(({ name }) => !declared.has(name));
    this.inputs = Object.fromEntries(own.map((spec) => [spec.name, bufferOf(spec)]));
    this.outputs = Object.fromEntries(outputs.map((spec) => [spec.name, bufferOf(spec)]));
    this.#shape = shape;
    this.#dropout = bindings.masks;
    this.#ofBatch = inputs.map(({ name }) => name).filter((name) => declared.has(name));
    this.#tables = hostRows.map((rows) => this.#tableRows(rows, bindings));
    this.#masks = dropoutSites.map((site) => {
      const mask = this.inputs[graphNames.dropoutMask(site.site)];
      assert(mask instanceof Uint8Array, `dropout site ${site.site} has a mask`);
      return [mask, site] as const;
    });
  }

  /** Everything the graph reads of one batch. @param step decides the dropout masks; unused without any */
  fill(batch: Batch, step = 0): Buffers {
    for (const name of this.#ofBatch) this.inputs[name] = inputOf(batch, name);
    for (const { into, table, width, ids } of this.#tables)
      gatherRows(into, { table, ids: idsOf(batch, ids), width });
    const { rows } = this.#shape;
    const samples = batch.rows.flatMap((row) => row.slice(0, 1));
    for (const [mask, site] of this.#masks) this.#dropout.fill(mask, site, { step, rows, samples });
    return this.inputs;
  }

  get lossSum(): number {
    return this.outputs[graphNames.lossSum]?.[0] ?? NaN;
  }

  /** Gradients of the rows that were fed, in the order of the tables that are trained. */
  rowGradients(batch: Batch): SparseRows[] {
    return this.#tables.flatMap(({ gradients, ids, width }) =>
      // A table that is not trained has none.
      gradients === undefined ? [] : [sumRowsById(gradients, idsOf(batch, ids), width)],
    );
  }

  #tableRows(
    { table, tableShape, ids, rowsInput, gradientOutput }: KeptGraph['hostRows'][number],
    { parameters, frozen }: Bindings,
  ): TableRows {
    const trained = parameters.layout.tables.find(({ name }) => name === table);
    const into = this.inputs[rowsInput];
    const gradients = gradientOutput === undefined ? undefined : this.outputs[gradientOutput];
    assert(into instanceof Float32Array, `rows of ${table} can be gathered`);
    assert(gradients === undefined || gradients instanceof Float32Array, 'gradients are float32');
    return {
      ids,
      table: trained === undefined ? frozen.view({ name: table }) : parameters.view(trained),
      width: tableShape[1],
      into,
      gradients,
    };
  }
}

function inputOf({ inputs }: Batch, name: string): HostBuffer {
  const input = inputs[name];
  assert(input, `the batch has the input "${name}"`);
  return input;
}

function idsOf(batch: Batch, name: string): Int32Array {
  const ids = inputOf(batch, name);
  assert(ids instanceof Int32Array, `"${name}" holds ids of rows`);
  return ids;
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
