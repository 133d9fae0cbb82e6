/**
 * How a model is trained: which of its parameters, which more, and what they do to its pass. A method knows modules and
 * their paths, and no family. Who calls what, when:
 *   create-program.ts   `trains` and `rateFactor` for each of the model's parameters, and `adds`, once, when a model is opened;
 *   trace-graphs.ts     `wrap` for each traced graph, which loads tfjs;
 *   merge-model.ts      `merge` for each module, once, on weights that were read.
 * Implementations: one file a method; create-method.ts lists them.
 */
import type { Tensor } from '@tensorflow/tfjs-core';
import type { InitialValue } from '../folder/initial-values.js';
import type { Module } from '../program/module.js';
import type { Ops } from '../program/ops.js';
import type { Parameter } from '../program/program.js';

/** Modules that adapters go to unless told otherwise, by the ends of their paths, as PEFT has them for the family. */
export interface AdapterDefaults {
  readonly lora: readonly string[];
  readonly ia3: readonly string[];
  /** Those of `ia3` whose input is scaled. */
  readonly ia3Feedforward: readonly string[];
}

/** What a method sees of a model. */
export interface MethodModel {
  readonly modules: readonly Module[];
  /** Paths of modules that the task makes anew: every method trains them. */
  readonly headPaths: readonly string[];
  /** Path of the output layer of a language model where it has a matrix of its own. */
  readonly outputPath: string | undefined;
  /** Path of the table of words where the output layer is that same table. */
  readonly tiedTable: string | undefined;
  readonly adapterDefaults: AdapterDefaults;
}

/** A parameter that the model has not. */
export interface AddedParameter {
  readonly parameter: Parameter;
  readonly initial: InitialValue;
}

/** @param weight of any parameter, by name */
export type WrapOps = (ops: Ops, weight: (name: string) => Tensor) => Ops;

/** A module's numbers, in the shapes of Module. */
export interface ModuleWeights {
  readonly weight: Float32Array;
  readonly bias: Float32Array | undefined;
}

export interface Method {
  /** Whether one of the model's own parameters is trained. */
  trains(parameter: string): boolean;
  /** What a trained parameter's learning rate is multiplied by. Missing: 1 for all. */
  rateFactor?(parameter: Pick<Parameter, 'name' | 'shape'>): number;
  readonly adds: readonly AddedParameter[];
  /** undefined where the pass stays as it is. */
  wrap?(): Promise<WrapOps>;
  /**
   * Changes a module's weights to what it computes together with what was added; leaves modules alone that nothing was added to.
   * Missing where nothing is added. @param own numbers of an added parameter, by name
   */
  merge?(module: Module, weights: ModuleWeights, own: (name: string) => Float32Array): void;
  /**
   * adapter_config.json of what is saved, without the base model's name: what is trained is kept as PEFT keeps it, the rest is
   * the base model's. undefined where the whole model is saved.
   */
  readonly adapterConfig: Readonly<Record<string, unknown>> | undefined;
}
