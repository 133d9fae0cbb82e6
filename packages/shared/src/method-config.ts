/** Options of the configuration that say what of a model is trained, and how: one group a method. Names as in PEFT 0.21. */
import { z } from 'zod';

export const methodNames = ['full', 'freeze', 'head_only', 'bitfit', 'lora'] as const;
export type MethodName = (typeof methodNames)[number];

const names = z
  .union([z.string().min(1), z.array(z.string().min(1)).min(1)])
  .transform((v) => (typeof v === 'string' ? v.split(',').map((name) => name.trim()) : v));

export const methodOptions = {
  method: z
    .enum(methodNames)
    .default('full')
    .describe(
      'What is trained: full (everything), freeze (all but freeze_parameters), head_only, bitfit (biases and the head), lora (low-rank matrices beside products, and the head)',
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
    .describe(
      'lora: modules by the end of their path, or all-linear, or one regular expression /of the whole path/. Default: as PEFT for the family',
    ),
  loraModulesToSave: names
    .optional()
    .describe('lora: modules by the end of their path that are trained whole, beside the head'),
  loraUseRslora: z
    .boolean()
    .default(false)
    .describe('lora: scale by lora_alpha / sqrt(lora_r) (rsLoRA)'),
};

/** The same after parsing, where lists are lists. */
export const resolvedMethodOptions = {
  freezeParameters: z.array(z.string()).optional(),
  loraTargetModules: z.array(z.string()).optional(),
  loraModulesToSave: z.array(z.string()).optional(),
};
