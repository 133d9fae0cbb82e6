/**
 * IA3 (Liu et al. 2022): one trained factor for each output of keys and values (bias included), or for each input of the
 * second product of a feed-forward network; all 1 at the start. Names, shapes and files are PEFT's 0.21.
 */
import { MicrotuneError } from '@microtune/shared';
import { inputWidth, outputWidth, parameterOf, type Module } from '../program/module.js';
import { findPlaces } from './adapter-places.js';
import type { AddedParameter, Method, MethodModel, ModuleWeights } from './method.js';
import { patternOf, type Ia3Spec } from './method-spec.js';
import { moduleOf } from './module-paths.js';
import { ia3Name } from './peft-names.js';
import { refuseTiedTable } from './tied-table.js';

/** Whether a module's input is scaled, not its output. */
export type ScalesInput = boolean;

/** @throws MicrotuneError `usage` when no module, or one that is no product, is meant */
export function ia3(model: MethodModel, spec: Ia3Spec): Method {
  const { adapterDefaults } = model;
  const wanted = spec.targets ?? adapterDefaults.ia3;
  // The family's feed-forward modules go with its targets; other targets are outputs unless told otherwise.
  const feedforward =
    spec.feedforward ?? (spec.targets === undefined ? adapterDefaults.ia3Feedforward : []);
  const { adapted, written, isWhole } = findPlaces(model, wanted, spec);
  refuseTiedTable(model, isWhole);
  const isFeedforward = ({ path }: Module): boolean =>
    feedforward instanceof RegExp
      ? feedforward.test(path)
      : feedforward.some((name) => path.endsWith(name));
  const idle =
    feedforward instanceof RegExp
      ? undefined
      : feedforward.find((name) => !adapted.some(({ path }) => path.endsWith(name)));
  if (idle !== undefined && !spec.isFound) {
    throw new MicrotuneError(
      'usage',
      `--ia3_feedforward_modules: ${idle} is none of the target modules (${String(written)}): name it there, too`,
    );
  }
  const places = new Map<string, ScalesInput>(
    adapted.map((module) => [module.path, isFeedforward(module)]),
  );
  return {
    trains: (parameter) => isWhole(moduleOf(parameter)),
    adds: adapted.map((module) => vectorOf(module, isFeedforward(module))),
    wrap: async () => (await import('./ia3-ops.js')).wrapIa3(places),
    merge: (module, weights, own) => {
      const scalesInput = places.get(module.path);
      if (scalesInput !== undefined)
        mergeIa3(module, scalesInput, { weights, factors: own(ia3Name(module.path)) });
    },
    adapterConfig: {
      peft_type: 'IA3',
      target_modules: written,
      feedforward_modules: feedforward instanceof RegExp ? patternOf(feedforward) : feedforward,
      modules_to_save: [...new Set([...model.headPaths, ...spec.modulesToSave])],
      fan_in_fan_out: adapted.some(({ kind }) => kind === 'conv1d'),
      init_ia3_weights: true,
      inference_mode: true,
      ...(spec.exclude && {
        exclude_modules: spec.exclude instanceof RegExp ? patternOf(spec.exclude) : spec.exclude,
      }),
    },
  };
}

function vectorOf(module: Module, scalesInput: ScalesInput): AddedParameter {
  const shape = scalesInput ? [1, inputWidth(module)] : [outputWidth(module), 1];
  return {
    parameter: parameterOf(ia3Name(module.path), shape),
    initial: { kind: 'constant', value: 1 },
  };
}

function mergeIa3(
  module: Module,
  scalesInput: ScalesInput,
  { weights, factors }: { readonly weights: ModuleWeights; readonly factors: Float32Array },
): void {
  const { weight, bias } = weights;
  const [inputs, out] = [inputWidth(module), outputWidth(module)];
  const [rowStep, columnStep] = module.kind === 'conv1d' ? [1, out] : [inputs, 1];
  for (let o = 0; o < out; o++) {
    for (let i = 0; i < inputs; i++)
      weight[o * rowStep + i * columnStep]! *= factors[scalesInput ? i : o]!;
    if (bias !== undefined && !scalesInput) bias[o]! *= factors[o]!;
  }
}
