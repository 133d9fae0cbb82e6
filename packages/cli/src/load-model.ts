/** A trained model from code. */
import type { LanguageModel, Model } from '@microtune/inference';
import { MicrotuneError, deviceListSchema, engineChoices } from '@microtune/shared';
import { z } from 'zod';
import { checkKeys, codeNames, withCodeNames } from './config/code-names.js';
import { parseOptions } from './config/parse-options.js';
import { processEnvironment } from './environment.js';

const precisions = ['f32', 'bf16', 'tf32'] as const;

const optionsSchema = z.strictObject({
  task: z.literal('causal-lm').optional().describe('That the folder holds a language model'),
  engine: z.enum(engineChoices).default('auto').describe('What runs the graph'),
  device: deviceListSchema.optional().describe('cpu, cuda, or a card such as cuda:0'),
  precision: z.enum(precisions).default('f32').describe('Of matrix products'),
  threads: z.number().int().positive().optional().describe('Engine threads. Default: all cores'),
  maxSeqLength: z.number().int().positive().optional().describe('Tokens per row at most'),
  base: z.string().optional().describe("Folder of an adapter's base model"),
  cacheFolder: z.string().optional().describe('Tokenized data and engine libraries'),
});

export interface LoadModelOptions {
  /** `causal-lm` for a language model: what is loaded then has `generate`. @default a model of labels */
  readonly task?: 'causal-lm';
  /** What runs the graph. @default auto, the fastest that is set up for the device */
  readonly engine?: (typeof engineChoices)[number];
  /**
   * `cpu`, `cuda` (the first card) or a card. A card is chosen through the variables of this process, for good: one process
   * computes on one card. @default a card where there is one and an engine for it is set up, else the CPU
   */
  readonly device?: 'cpu' | 'cuda' | `cuda:${number}`;
  /** Of matrix products; `tf32` for GPUs alone. @default f32 */
  readonly precision?: (typeof precisions)[number];
  /** Engine threads. @default all cores */
  readonly threads?: number;
  /** Tokens per row at most; longer texts are cut. @default as in training */
  readonly maxSeqLength?: number;
  /** Folder of an adapter's base model. @default as its adapter_config.json says */
  readonly base?: string;
  /** Of tokenized data and engine libraries. @default as the command, `MICROTUNE_CACHE` or `~/.cache/microtune` */
  readonly cacheFolder?: string;
  /** Hears what the user should know, e.g. of a faster engine. */
  readonly onNote?: (note: string) => void;
}

/**
 * Loads a trained model into this process.
 * @param folder the output folder of a run, one of its checkpoints, or any classifier in HuggingFace's layout
 * @throws MicrotuneError with code `usage` when there is no trained model, or the device, engine or precision is not to
 *   be had here; `data` for broken files
 * @example
 * const model = await loadModel('runs/sst2');
 * const [answer] = await model.predict(['a gripping film']);
 * await model.close();
 */
export async function loadModel(
  folder: string,
  options: LoadModelOptions & { readonly task: 'causal-lm' },
): Promise<LanguageModel>;
export async function loadModel(folder: string, options?: LoadModelOptions): Promise<Model>;
export async function loadModel(
  folder: string,
  options: LoadModelOptions = {},
): Promise<Model | LanguageModel> {
  if (typeof folder !== 'string' || folder === '') {
    const given = JSON.stringify(folder);
    throw new MicrotuneError('usage', `loadModel expects the folder of a model, got ${given}`);
  }
  const { onNote = () => undefined, ...written } = options;
  checkKeys(optionsSchema, written, 'loadModel');
  const words = (text: string): string => codeNames(text, optionsSchema);
  return withCodeNames(optionsSchema, async () => {
    const { device, precision, ...checked } = parseOptions(optionsSchema, written);
    const environment = processEnvironment([]);
    const { openPlacedModel } = await import('./inference/open-placed-model.js');
    const model = await openPlacedModel(folder, {
      ...checked,
      devices: device,
      bf16: precision === 'bf16',
      tf32: precision === 'tf32',
      cacheFolder: checked.cacheFolder ?? environment.cacheFolder,
      variables: environment.variables,
      onNote: (note) => onNote(words(note)),
      words,
    });
    if (model.kind === 'labels' || checked.task !== undefined) return model;
    await model.close();
    throw new MicrotuneError(
      'usage',
      `${folder} holds a language model: load it with loadModel(folder, { task: 'causal-lm' })`,
    );
  });
}
