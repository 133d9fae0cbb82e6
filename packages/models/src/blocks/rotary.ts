/**
 * Angles of rotary positions: how config.json says them, in both spellings, and the tables of cosines and sines, made on
 * the host in float64 so that every engine turns by the same bits.
 *
 * transformers 5 writes `rope_parameters: {rope_type, rope_theta, ...}`; folders of before have `rope_theta` and
 * `rope_scaling` (null, or `{rope_type | type, ...}`), which wins where a file has both.
 * Source: modeling_rope_utils.py of transformers 5. A kind or a setting that is not known is refused by its name: angles
 * that are a little wrong give a model that is a little worse, and no error.
 */
import { MicrotuneError } from '@microtune/shared';
import { z } from 'zod';
import type { HfConfig } from '../folder/config-file.js';

export interface RotarySettings {
  /** Elements of a head, even: half as many angles. */
  readonly headWidth: number;
  /** Base of the wavelengths. */
  readonly theta: number;
  readonly scaling: RotaryScaling;
}

export type RotaryScaling =
  | { readonly kind: 'default' }
  /** All wavelengths times `factor`. */
  | { readonly kind: 'linear'; readonly factor: number }
  /** A larger base for sequences longer than `tokens`, those that the model was made for. */
  | { readonly kind: 'dynamic'; readonly factor: number; readonly tokens: number }
  /** Llama 3.1: long wavelengths times `factor`, short ones as they are, blended between. It acts at every length. */
  | {
      readonly kind: 'llama3';
      readonly factor: number;
      readonly lowFrequencyFactor: number;
      readonly highFrequencyFactor: number;
      readonly tokens: number;
    };

const positive = z.number().positive();
const common = {
  rope_theta: positive.optional(),
  rope_type: z.string().optional(),
  type: z.string().optional(),
  partial_rotary_factor: z.literal(1).nullish(),
};
const kinds = {
  default: z.strictObject({ ...common, factor: z.literal(1).optional() }),
  linear: z.strictObject({ ...common, factor: positive }),
  dynamic: z.strictObject({
    ...common,
    factor: positive,
    original_max_position_embeddings: z.unknown().optional(),
  }),
  llama3: z.strictObject({
    ...common,
    factor: positive,
    low_freq_factor: positive,
    high_freq_factor: positive,
    original_max_position_embeddings: z.number().int().positive().optional(),
  }),
} as const;
type Kind = keyof typeof kinds;

const outerSchema = z.object({
  rope_theta: positive.nullish(),
  rope_scaling: z.record(z.string(), z.unknown()).nullish(),
  rope_parameters: z.record(z.string(), z.unknown()).nullish(),
  partial_rotary_factor: z.literal(1).nullish(),
});

/**
 * @param model what else decides: the width of a head, `max_position_embeddings`, and config.json for messages
 * @throws MicrotuneError `usage` naming a kind or a setting that is not supported, `data` for one that has no sense
 */
export function parseRotary(
  config: HfConfig,
  { headWidth, maxTokens, file }: { headWidth: number; maxTokens: number; file: string },
): RotarySettings {
  if (headWidth % 2 !== 0)
    throw new MicrotuneError(
      'data',
      `${file}: head_dim ${headWidth} is odd: rotary positions turn pairs`,
    );
  const outer = parsed(outerSchema, config, file);
  const key = hasKeys(outer.rope_scaling) ? 'rope_scaling' : 'rope_parameters';
  const given = outer[key] ?? {};
  const place = `${file}: ${key}`;
  const kind = kindOf(given, place);
  const scaling = scalingOf(kind, given, { place, maxTokens });
  const theta = typeof given['rope_theta'] === 'number' ? given['rope_theta'] : outer.rope_theta;
  return { headWidth, theta: theta ?? 10_000, scaling };
}

function hasKeys(given: object | null | undefined): boolean {
  return given !== undefined && given !== null && Object.keys(given).length > 0;
}

function kindOf(given: Readonly<Record<string, unknown>>, place: string): Kind {
  const name = given['rope_type'] ?? given['type'] ?? 'default';
  if (typeof name === 'string' && Object.hasOwn(kinds, name)) return name as Kind;
  const known = Object.keys(kinds).join(', ');
  throw new MicrotuneError(
    'usage',
    `${place}: rope_type ${JSON.stringify(name)} is not supported; supported: ${known}`,
  );
}

function scalingOf(
  kind: Kind,
  given: Readonly<Record<string, unknown>>,
  { place, maxTokens }: { place: string; maxTokens: number },
): RotaryScaling {
  switch (kind) {
    case 'default':
      parsed(kinds.default, given, place);
      return { kind };
    case 'linear':
      return { kind, factor: parsed(kinds.linear, given, place).factor };
    case 'dynamic':
      return { kind, factor: parsed(kinds.dynamic, given, place).factor, tokens: maxTokens };
    case 'llama3': {
      const all = parsed(kinds.llama3, given, place);
      return {
        kind,
        factor: all.factor,
        lowFrequencyFactor: all.low_freq_factor,
        highFrequencyFactor: all.high_freq_factor,
        tokens: all.original_max_position_embeddings ?? maxTokens,
      };
    }
  }
}

function parsed<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  place: string,
): z.infer<Schema> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const path = issue?.path.join('.') ?? '';
  throw new MicrotuneError(
    issue?.code === 'unrecognized_keys' ? 'usage' : 'data',
    `${place}: ${path === '' ? '' : `${path}: `}${issue?.message ?? ''}`,
  );
}

/**
 * Radians per position of each pair of a head's elements, [headWidth / 2].
 * @param tokens the longest sequence; matters for `dynamic` alone, where a longer one than the model was made for
 * changes the angles of all
 */
export function inverseFrequencies(
  { headWidth, theta, scaling }: RotarySettings,
  tokens: number,
): Float64Array {
  const powers = (base: number) =>
    Float64Array.from({ length: headWidth / 2 }, (_, i) => base ** ((-2 * i) / headWidth));
  switch (scaling.kind) {
    case 'default':
      return powers(theta);
    case 'linear':
      return powers(theta).map((frequency) => frequency / scaling.factor);
    case 'dynamic': {
      const length = Math.max(tokens, scaling.tokens) / scaling.tokens;
      const growth = scaling.factor * length - (scaling.factor - 1);
      return powers(theta * growth ** (headWidth / (headWidth - 2)));
    }
    case 'llama3':
      return powers(theta).map((frequency) => llama3Frequency(frequency, scaling));
  }
}

function llama3Frequency(
  frequency: number,
  scaling: Extract<RotaryScaling, { kind: 'llama3' }>,
): number {
  const { factor, lowFrequencyFactor: low, highFrequencyFactor: high, tokens } = scaling;
  const wavelength = (2 * Math.PI) / frequency;
  if (wavelength < tokens / high) return frequency;
  if (wavelength > tokens / low) return frequency / factor;
  const blend = (tokens / wavelength - low) / (high - low);
  return ((1 - blend) * frequency) / factor + blend * frequency;
}

/** Cosines and sines of positions 0 to `positions` - 1: float32 [positions, headWidth / 2], row by row. */
export function rotaryTables(
  settings: RotarySettings,
  positions: number,
): { readonly cosine: Float32Array; readonly sine: Float32Array } {
  const frequencies = inverseFrequencies(settings, positions);
  const width = frequencies.length;
  const cosine = new Float32Array(positions * width);
  const sine = new Float32Array(positions * width);
  for (let at = 0; at < cosine.length; at++) {
    const angle = Math.floor(at / width) * (frequencies[at % width] ?? 0);
    cosine[at] = Math.cos(angle);
    sine[at] = Math.sin(angle);
  }
  return { cosine, sine };
}
