/**
 * LoRA (Hu et al. 2021): beside a product x Wᵀ, which stays as it is, a product of two thin matrices is trained,
 *   y = x Wᵀ + b + s dropout(x) Aᵀ Bᵀ,   A [r, in] uniform within 1 / sqrt(in), B [out, r] zero,   s = alpha / r,
 * or alpha / sqrt(r) (rsLoRA, Kalajdzievski 2023). DoRA (Liu et al. 2024) trains the lengths of the rows of W + s B A apart from
 * their directions; LoRA+ (Hayou et al. 2024) lets B learn faster. Names, shapes, start and files are PEFT's 0.21.
 */
import { MicrotuneError } from '@microtune/shared';
import { inputWidth, outputWidth, parameterOf, type Module } from '../program/module.js';
import { findPlaces } from './adapter-places.js';
import { mergeLora } from './lora-merge.js';
import type { AddedParameter, Method, MethodModel } from './method.js';
import { patternOf, type LoraSpec } from './method-spec.js';
import { moduleOf, patternValue } from './module-paths.js';
import { loraNames } from './peft-names.js';
import { refuseTiedTable } from './tied-table.js';

/** What one module gets. */
export interface LoraPlace {
  readonly module: Module;
  readonly r: number;
  /** Factor of what A and B add. */
  readonly scale: number;
  readonly useDora: boolean;
}

/** @throws MicrotuneError `usage` when no module, or one that is no product, is meant */
export function lora(model: MethodModel, spec: LoraSpec): Method {
  const wanted = spec.targets ?? model.adapterDefaults.lora;
  const { adapted, written, isWhole } = findPlaces(model, wanted, spec);
  refuseTiedTable(model, isWhole);
  requirePatterns(spec, adapted);
  const places = new Map(adapted.map((module) => [module.path, placeOf(module, spec)]));
  const { rateRatio, dropout } = spec;
  return {
    trains: (parameter) => isWhole(moduleOf(parameter)),
    // As PEFT's create_loraplus_optimizer: B, and whatever is one-dimensional.
    rateFactor: ({ name, shape }) =>
      /\.lora_B\./.test(name) || shape.length === 1 ? rateRatio : 1,
    adds: [...places.values()].flatMap(parametersOf),
    wrap: async () => (await import('./lora-ops.js')).wrapLora({ places, dropout }),
    merge: (module, weights, own) => {
      const place = places.get(module.path);
      if (place !== undefined) mergeLora(place, weights, own);
    },
    adapterConfig: configOf(model, spec, { adapted, written }),
  };
}

function placeOf(module: Module, spec: LoraSpec): LoraPlace {
  const r = patternValue(module.path, spec.rankPattern) ?? spec.r;
  const alpha = patternValue(module.path, spec.alphaPattern) ?? spec.alpha;
  const scale = alpha / (spec.useRslora ? Math.sqrt(r) : r);
  return { module, r, scale, useDora: spec.useDora };
}

function parametersOf({ module, r, useDora }: LoraPlace): AddedParameter[] {
  const { a, b, magnitude } = loraNames(module.path);
  const [inputs, out] = [inputWidth(module), outputWidth(module)];
  const matrices: AddedParameter[] = [
    {
      parameter: parameterOf(a, [r, inputs]),
      initial: { kind: 'uniform', bound: 1 / Math.sqrt(inputs) },
    },
    { parameter: parameterOf(b, [out, r]), initial: { kind: 'constant', value: 0 } },
  ];
  if (!useDora) return matrices;
  // B is zero at the start, so the rows of W + s B A are those of W.
  const initial = {
    kind: 'lengths',
    of: `${module.path}.weight`,
    axis: module.kind === 'conv1d' ? 0 : 1,
  } as const;
  return [...matrices, { parameter: parameterOf(magnitude, [out]), initial }];
}

/** A pattern that is no expression, or that no adapted module has. */
function requirePatterns(
  { rankPattern, alphaPattern, isFound }: LoraSpec,
  adapted: readonly Module[],
): void {
  for (const [option, values] of Object.entries({ rank: rankPattern, alpha: alphaPattern })) {
    for (const [pattern, value] of Object.entries(values)) {
      let hits: boolean;
      try {
        hits = adapted.some(({ path }) => patternValue(path, { [pattern]: value }) !== undefined);
      } catch (cause) {
        throw new MicrotuneError(
          'usage',
          `lora_${option}_pattern: ${JSON.stringify(pattern)} is no regular expression`,
          { cause },
        );
      }
      if (hits || isFound) continue;
      throw new MicrotuneError(
        'usage',
        `--lora_${option}_pattern: no adapted module ends in ${pattern}; there are e.g. ${adapted[0]?.path ?? ''}`,
      );
    }
  }
}

function configOf(
  { headPaths }: MethodModel,
  spec: LoraSpec,
  { adapted, written }: Pick<ReturnType<typeof findPlaces>, 'adapted' | 'written'>,
): Method['adapterConfig'] {
  const { exclude, layers, layersPattern, rankPattern, alphaPattern } = spec;
  return {
    peft_type: 'LORA',
    r: spec.r,
    lora_alpha: spec.alpha,
    lora_dropout: spec.dropout,
    target_modules: written,
    modules_to_save: [...new Set([...headPaths, ...spec.modulesToSave])],
    bias: 'none',
    fan_in_fan_out: adapted.some(({ kind }) => kind === 'conv1d'),
    use_rslora: spec.useRslora,
    inference_mode: true,
    // Left out where they say nothing: older readers do not know them all.
    ...(exclude && { exclude_modules: exclude instanceof RegExp ? patternOf(exclude) : exclude }),
    // PEFT takes layers with lists alone; all-linear is written as the paths that are left.
    ...(layers && spec.targets !== 'all-linear' && { layers_to_transform: layers }),
    ...(layersPattern && { layers_pattern: layersPattern }),
    ...(Object.keys(rankPattern).length > 0 && { rank_pattern: rankPattern }),
    ...(Object.keys(alphaPattern).length > 0 && { alpha_pattern: alphaPattern }),
    ...(spec.useDora && { use_dora: true }),
  };
}
