/** Options of the configuration that say what of a model is trained, and how: one group a method. Names as in PEFT 0.21. */
import { z } from 'zod';

export const methodNames = ['full', 'freeze', 'head_only', 'bitfit', 'lora', 'ia3'] as const;
export type MethodName = (typeof methodNames)[number];

const names = z
  .union([z.string().min(1), z.array(z.string().min(1)).min(1)])
  .transform((v) => (typeof v === 'string' ? v.split(',').map((name) => name.trim()) : v));
const layerNumber = z.coerce.number().int().nonnegative();
const layers = z.union([layerNumber.transform((layer) => [layer]), z.array(layerNumber).min(1)]);

const isWritten = 'by the end of their path, or one regular expression /of the whole path/';

export const methodOptions = {
  method: z
    .enum(methodNames)
    .default('full')
    .describe(
      'What is trained: full (everything), freeze (all but freeze_parameters), head_only, bitfit (biases and the head), lora (low-rank matrices beside products, and the head), ia3 (a factor for each output of keys and values and each inner feed-forward unit, and the head)',
    ),
  adapterNameOrPath: z
    .string()
    .min(1)
    .optional()
    .describe(
      'Folder of an adapter in PEFT layout to go on from: method, options and base model are those of its adapter_config.json',
    ),
  freezeParameters: names
    .optional()
    .describe('freeze: regular expressions; parameters whose name one matches stay as they are'),
  loraR: z.number().int().positive().default(8).describe('lora: rank of the matrices'),
  loraAlpha: z
    .number()
    .positive()
    .default(8)
    .describe('lora: what they add is scaled by lora_alpha / lora_r'),
  loraDropout: z
    .number()
    .min(0)
    .lt(1)
    .default(0)
    .describe('lora: dropout of what goes into the matrices'),
  loraTargetModules: names
    .optional()
    .describe(`lora: modules ${isWritten}, or all-linear. Default: as PEFT for the family`),
  loraExcludeModules: names.optional().describe(`lora: modules left out, ${isWritten}`),
  loraLayersToTransform: layers
    .optional()
    .describe('lora: only these layers, by number from 0. Default: all'),
  loraLayersPattern: names
    .optional()
    .describe('lora: name of the list of layers that lora_layers_to_transform counts in'),
  loraModulesToSave: names
    .optional()
    .describe('lora: modules by the end of their path that are trained whole, beside the head'),
  loraRankPattern: z
    .record(z.string(), z.number().int().positive())
    .default({})
    .describe('lora: ranks of single modules, as JSON: {"end of a path": rank}'),
  loraAlphaPattern: z
    .record(z.string(), z.number().positive())
    .default({})
    .describe('lora: the same of lora_alpha'),
  loraUseRslora: z
    .boolean()
    .default(false)
    .describe('lora: scale by lora_alpha / sqrt(lora_r) (rsLoRA)'),
  loraUseDora: z
    .boolean()
    .default(false)
    .describe(
      'lora: train the lengths of the rows of each weight apart from their directions (DoRA)',
    ),
  loraplusLrRatio: z
    .number()
    .min(1)
    .default(1)
    .describe('lora: the second matrix learns so many times faster (LoRA+)'),
  ia3TargetModules: names
    .optional()
    .describe(`ia3: modules ${isWritten}, or all-linear. Default: as PEFT for the family`),
  ia3FeedforwardModules: names
    .optional()
    .describe(
      `ia3: those of them whose inputs are scaled, not the outputs, ${isWritten}. Default: as PEFT for the family`,
    ),
  ia3ExcludeModules: names.optional().describe(`ia3: modules left out, ${isWritten}`),
  ia3ModulesToSave: names
    .optional()
    .describe('ia3: modules by the end of their path that are trained whole, beside the head'),
};

/** The same after parsing, where lists are lists. */
export const resolvedMethodOptions = {
  freezeParameters: z.array(z.string()).optional(),
  loraTargetModules: z.array(z.string()).optional(),
  loraExcludeModules: z.array(z.string()).optional(),
  loraLayersToTransform: z.array(z.number()).optional(),
  loraLayersPattern: z.array(z.string()).optional(),
  loraModulesToSave: z.array(z.string()).optional(),
  ia3TargetModules: z.array(z.string()).optional(),
  ia3FeedforwardModules: z.array(z.string()).optional(),
  ia3ExcludeModules: z.array(z.string()).optional(),
  ia3ModulesToSave: z.array(z.string()).optional(),
};
