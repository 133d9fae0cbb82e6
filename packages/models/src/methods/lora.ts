/**
 * LoRA (Hu et al. 2021): beside a product x Wᵀ, which stays as it is, a product of two thin matrices is trained,
 *   y = x Wᵀ + b + s dropout(x) Aᵀ Bᵀ,   A [r, in] uniform within 1 / sqrt(in), B [out, r] zero,   s = alpha / r,
 * or alpha / sqrt(r) (rsLoRA, Kalajdzievski 2023). Names, shapes, start and files are PEFT's 0.21.
 */
import { MicrotuneError } from '@microtune/shared';
import { outputWidth, parameterOf, type Module } from '../program/module.js';
import type { AddedParameter, Method, MethodModel } from './method.js';
import type { LoraSpec, Targets } from './method-spec.js';
import { endsIn, moduleOf } from './module-paths.js';
import { loraNames } from './peft-names.js';

/** @throws MicrotuneError `usage` when no module, or one that is no product, is meant */
export function lora(model: MethodModel, spec: LoraSpec): Method {
  const { modules, headPaths, loraTargets } = model;
  const wanted = spec.targets ?? loraTargets;
  const adapted = modules.filter(
    (module) =>
      !headPaths.includes(module.path) &&
      !endsIn(module.path, spec.modulesToSave) &&
      isMeant(module, wanted),
  );
  refuseMisfits(adapted, modules, wanted);
  const paths = new Set(adapted.map(({ path }) => path));
  const scale = spec.alpha / (spec.useRslora ? Math.sqrt(spec.r) : spec.r);
  return {
    trains: (parameter) => {
      const path = moduleOf(parameter);
      return headPaths.includes(path) || endsIn(path, spec.modulesToSave);
    },
    adds: adapted.flatMap((module) => matricesOf(module, spec.r)),
    wrap: async () => {
      const { wrapLora } = await import('./lora-ops.js');
      return wrapLora({ paths, scale, dropout: spec.dropout });
    },
    adapterConfig: {
      peft_type: 'LORA',
      r: spec.r,
      lora_alpha: spec.alpha,
      lora_dropout: spec.dropout,
      target_modules: writtenTargets(wanted, paths),
      modules_to_save: [...new Set([...headPaths, ...spec.modulesToSave])],
      bias: 'none',
      fan_in_fan_out: adapted.some(({ kind }) => kind === 'conv1d'),
      use_rslora: spec.useRslora,
      inference_mode: true,
    },
  };
}

const isProduct = ({ kind }: Module): boolean => kind === 'linear' || kind === 'conv1d';

function isMeant(module: Module, targets: Targets): boolean {
  if (targets === 'all-linear') return isProduct(module);
  return targets instanceof RegExp ? targets.test(module.path) : endsIn(module.path, targets);
}

function matricesOf(module: Module, r: number): AddedParameter[] {
  const { a, b } = loraNames(module.path);
  const out = outputWidth(module);
  const inputs = module.shape[module.kind === 'conv1d' ? 0 : 1] ?? 0;
  return [
    {
      parameter: parameterOf(a, [r, inputs]),
      initial: { kind: 'uniform', bound: 1 / Math.sqrt(inputs) },
    },
    { parameter: parameterOf(b, [out, r]), initial: { kind: 'constant', value: 0 } },
  ];
}

function refuseMisfits(
  adapted: readonly Module[],
  modules: readonly Module[],
  targets: Targets,
): void {
  const products = modules.filter(isProduct);
  const ends = [...new Set(products.map(({ path }) => path.split('.').at(-1) ?? ''))].join(', ');
  const other = adapted.find((module) => !isProduct(module));
  if (other !== undefined) {
    throw new MicrotuneError(
      'usage',
      `--lora_target_modules: ${other.path} is a ${other.kind}; LoRA goes to products, here ${ends}`,
    );
  }
  const idle =
    typeof targets === 'object' && !(targets instanceof RegExp)
      ? targets.find((name) => !adapted.some(({ path }) => endsIn(path, [name])))
      : adapted.length === 0
        ? String(targets)
        : undefined;
  if (idle === undefined) return;
  throw new MicrotuneError(
    'usage',
    `--lora_target_modules: the model has no module ${idle}; its products end in ${ends}`,
  );
}

/** PEFT reads a list of names or a pattern; all-linear is written as the paths that it meant. */
function writtenTargets(targets: Targets, paths: ReadonlySet<string>): readonly string[] | string {
  if (targets === 'all-linear') return [...paths];
  return targets instanceof RegExp ? targets.source : targets;
}
