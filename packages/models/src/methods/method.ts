/**
 * How a model is trained: which of its parameters, which more, and what they do to its pass. A method knows modules and
 * their paths, and no family. Who calls what, when:
 *   create-program.ts   `trains` for each of the model's parameters, and `adds`, once, when a model is opened;
 *   trace-graphs.ts     `wrap` for each traced graph, which loads tfjs.
 * Implementations: one file a method; create-method.ts lists them.
 */
import type { Tensor } from '@tensorflow/tfjs-core';
import type { InitialValue } from '../folder/initial-values.js';
import type { Module } from '../program/module.js';
import type { Ops } from '../program/ops.js';
import type { Parameter } from '../program/program.js';

/** What a method sees of a model. */
export interface MethodModel {
  readonly modules: readonly Module[];
  /** Paths of modules that the task makes anew: every method trains them. */
  readonly headPaths: readonly string[];
  /** Ends of the paths of modules that LoRA goes to unless told otherwise. */
  readonly loraTargets: readonly string[];
}

/** A parameter that the model has not. */
export interface AddedParameter {
  readonly parameter: Parameter;
  readonly initial: InitialValue;
}

/** @param weight of an added parameter, by name */
export type WrapOps = (ops: Ops, weight: (name: string) => Tensor) => Ops;

export interface Method {
  /** Whether one of the model's own parameters is trained. */
  trains(parameter: string): boolean;
  readonly adds: readonly AddedParameter[];
  /** undefined where the pass stays as it is. */
  wrap?(): Promise<WrapOps>;
  /**
   * adapter_config.json of what is saved, without the base model's name: what is trained is kept as PEFT keeps it, the rest is
   * the base model's. undefined where the whole model is saved.
   */
  readonly adapterConfig: Readonly<Record<string, unknown>> | undefined;
}
