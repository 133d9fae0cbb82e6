/** What a run asks of a method, read out of its configuration, or of an adapter's file. */
import type { ResolvedConfig } from '@microtune/shared';

/** Which modules are meant (PEFT's target_modules): names at the end of a path, all products, or a pattern of the whole path. */
export type Targets = readonly string[] | 'all-linear' | RegExp;

/** Which modules an adapter goes to, and which are trained whole beside it. */
export interface AdapterPlaces {
  /** undefined: those of the family. */
  readonly targets: Targets | undefined;
  /** Left out of the targets. */
  readonly exclude: readonly string[] | RegExp | undefined;
  /** Ends of paths of modules that are trained whole. */
  readonly modulesToSave: readonly string[];
  /** Of an adapter that is there already: names that match nothing are passed over, as PEFT does. */
  readonly isFound: boolean;
}

export interface LoraSpec extends AdapterPlaces {
  readonly kind: 'lora';
  readonly r: number;
  readonly alpha: number;
  /** Of what goes into the first matrix. */
  readonly dropout: number;
  /** Layers by number, from 0; undefined: all. */
  readonly layers: readonly number[] | undefined;
  /** Names of the lists of layers where a path has several numbers; undefined: the first number counts. */
  readonly layersPattern: readonly string[] | undefined;
  /** Ranks of single modules, by a pattern of the end of their path. */
  readonly rankPattern: Readonly<Record<string, number>>;
  /** The same of alpha. */
  readonly alphaPattern: Readonly<Record<string, number>>;
  /** Scale alpha / sqrt(r) instead of alpha / r. */
  readonly useRslora: boolean;
  /** Weight-decomposed: a trained length for each row of the product's weight. */
  readonly useDora: boolean;
  /** LoRA+: the second matrix learns this many times faster. */
  readonly rateRatio: number;
}

export interface Ia3Spec extends AdapterPlaces {
  readonly kind: 'ia3';
  /** Those of the targets whose input is scaled, not the output; undefined: those of the family. */
  readonly feedforward: readonly string[] | RegExp | undefined;
}

export type AdapterSpec = LoraSpec | Ia3Spec;

export type MethodSpec =
  | { readonly kind: 'full' }
  | { readonly kind: 'freeze'; readonly patterns: readonly string[] }
  | { readonly kind: 'head_only' }
  | { readonly kind: 'bitfit' }
  | AdapterSpec;

/** PEFT's defaults. */
export const loraDefaults: LoraSpec = {
  kind: 'lora',
  r: 8,
  alpha: 8,
  dropout: 0,
  targets: undefined,
  exclude: undefined,
  layers: undefined,
  layersPattern: undefined,
  modulesToSave: [],
  rankPattern: {},
  alphaPattern: {},
  useRslora: false,
  useDora: false,
  rateRatio: 1,
  isFound: false,
};

/** The part of the configuration that says how a model is trained. */
export type MethodConfig = Pick<
  ResolvedConfig,
  | 'method'
  | 'freezeParameters'
  | 'adapterNameOrPath'
  | 'loraR'
  | 'loraAlpha'
  | 'loraDropout'
  | 'loraTargetModules'
  | 'loraExcludeModules'
  | 'loraLayersToTransform'
  | 'loraLayersPattern'
  | 'loraRankPattern'
  | 'loraAlphaPattern'
  | 'loraModulesToSave'
  | 'loraUseRslora'
  | 'loraUseDora'
  | 'loraplusLrRatio'
  | 'ia3TargetModules'
  | 'ia3FeedforwardModules'
  | 'ia3ExcludeModules'
  | 'ia3ModulesToSave'
>;

export function methodOf(config: MethodConfig): MethodSpec {
  const isFound = config.adapterNameOrPath !== undefined;
  switch (config.method) {
    case 'full':
    case 'head_only':
    case 'bitfit':
      return { kind: config.method };
    case 'freeze':
      return { kind: 'freeze', patterns: config.freezeParameters ?? [] };
    case 'lora':
      return {
        kind: 'lora',
        r: config.loraR,
        alpha: config.loraAlpha,
        dropout: config.loraDropout,
        targets: targetsOf(config.loraTargetModules),
        exclude: namesOf(config.loraExcludeModules),
        layers: config.loraLayersToTransform,
        layersPattern: config.loraLayersPattern,
        modulesToSave: config.loraModulesToSave ?? [],
        rankPattern: config.loraRankPattern,
        alphaPattern: config.loraAlphaPattern,
        useRslora: config.loraUseRslora,
        useDora: config.loraUseDora,
        rateRatio: config.loraplusLrRatio,
        isFound,
      };
    case 'ia3':
      return {
        kind: 'ia3',
        targets: targetsOf(config.ia3TargetModules),
        feedforward: namesOf(config.ia3FeedforwardModules),
        exclude: namesOf(config.ia3ExcludeModules),
        modulesToSave: config.ia3ModulesToSave ?? [],
        isFound,
      };
  }
}

/** The options that ask for the same adapter: the way back from methodOf. */
export function adapterOptions(spec: AdapterSpec): Partial<MethodConfig> {
  if (spec.kind === 'ia3') {
    return {
      method: 'ia3',
      ia3TargetModules: writtenNames(spec.targets),
      ia3FeedforwardModules: writtenNames(spec.feedforward),
      ia3ExcludeModules: writtenNames(spec.exclude),
      ia3ModulesToSave: writtenNames(spec.modulesToSave),
    };
  }
  return {
    method: 'lora',
    loraR: spec.r,
    loraAlpha: spec.alpha,
    loraDropout: spec.dropout,
    loraTargetModules: writtenNames(spec.targets),
    loraExcludeModules: writtenNames(spec.exclude),
    loraLayersToTransform: spec.layers?.slice(),
    loraLayersPattern: spec.layersPattern?.slice(),
    loraModulesToSave: writtenNames(spec.modulesToSave),
    loraRankPattern: { ...spec.rankPattern },
    loraAlphaPattern: { ...spec.alphaPattern },
    loraUseRslora: spec.useRslora,
    loraUseDora: spec.useDora,
  };
}

/** As written in options: `/pattern/` alone is a regular expression of the whole path. */
function targetsOf(names: readonly string[] | undefined): Targets | undefined {
  return names?.length === 1 && names[0] === 'all-linear' ? 'all-linear' : namesOf(names);
}

function namesOf(names: readonly string[] | undefined): readonly string[] | RegExp | undefined {
  const pattern = names?.length === 1 ? /^\/(.+)\/$/.exec(names[0] ?? '')?.[1] : undefined;
  return pattern === undefined ? names : wholePath(pattern);
}

/** As Python's re.fullmatch. */
export const wholePath = (pattern: string): RegExp => new RegExp(`^(?:${pattern})$`);

/** What stands in a file: the pattern without what wholePath puts around it. */
export const patternOf = ({ source }: RegExp): string => source.replace(/^\^\(\?:(.*)\)\$$/, '$1');

function writtenNames(names: Targets | undefined): string[] | undefined {
  if (names === undefined || names === 'all-linear') return names && [names];
  if (names instanceof RegExp) return [`/${patternOf(names)}/`];
  return names.length === 0 ? undefined : names.slice();
}
