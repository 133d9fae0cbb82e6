/** What a run asks of a method, read out of its configuration, or of an adapter's file. */
import type { ResolvedConfig } from '@microtune/shared';

/** Which modules are meant (PEFT's target_modules): names at the end of a path, all products, or a pattern of the whole path. */
export type Targets = readonly string[] | 'all-linear' | RegExp;

export interface LoraSpec {
  readonly kind: 'lora';
  readonly r: number;
  readonly alpha: number;
  /** Of what goes into the first matrix. */
  readonly dropout: number;
  /** undefined: those of the family. */
  readonly targets: Targets | undefined;
  /** Ends of paths of modules that are trained whole. */
  readonly modulesToSave: readonly string[];
  /** Scale alpha / sqrt(r) instead of alpha / r. */
  readonly useRslora: boolean;
}

export type MethodSpec =
  | { readonly kind: 'full' }
  | { readonly kind: 'freeze'; readonly patterns: readonly string[] }
  | { readonly kind: 'head_only' }
  | { readonly kind: 'bitfit' }
  | LoraSpec;

/** The part of the configuration that says how a model is trained. */
export type MethodConfig = Pick<
  ResolvedConfig,
  | 'method'
  | 'freezeParameters'
  | 'loraR'
  | 'loraAlpha'
  | 'loraDropout'
  | 'loraTargetModules'
  | 'loraModulesToSave'
  | 'loraUseRslora'
>;

export function methodOf(config: MethodConfig): MethodSpec {
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
        targets: config.loraTargetModules && targetsOf(config.loraTargetModules),
        modulesToSave: config.loraModulesToSave ?? [],
        useRslora: config.loraUseRslora,
      };
  }
}

/** As written in options: `/pattern/` alone is a regular expression of the whole path. */
function targetsOf(names: readonly string[]): Targets {
  const [first = ''] = names;
  if (names.length > 1) return names;
  if (first === 'all-linear') return first;
  const pattern = /^\/(.+)\/$/.exec(first)?.[1];
  return pattern === undefined ? names : new RegExp(`^(?:${pattern})$`);
}
