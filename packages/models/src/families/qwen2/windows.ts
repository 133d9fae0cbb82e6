/**
 * The sliding windows of Qwen2 and Qwen3: `sliding_window` counts only with `use_sliding_window`, and then from layer
 * `max_window_layers` on, unless `layer_types` says it layer by layer.
 * Source: Qwen2Config.__post_init__ of transformers 5.
 */
import { MicrotuneError } from '@microtune/shared';
import { z } from 'zod';
import { count } from '../parse-config.js';

export const slidingKeys = {
  use_sliding_window: z.boolean().default(false),
  sliding_window: count.nullable().default(4096),
  max_window_layers: z.number().int().nonnegative().default(28),
  layer_types: z.array(z.enum(['full_attention', 'sliding_attention'])).nullish(),
} as const;

type SlidingKeys = z.infer<z.ZodObject<typeof slidingKeys>>;

/** @returns of each layer its window, undefined for full attention. @throws MicrotuneError `data` for types of another number of layers */
export function qwenWindows(
  keys: SlidingKeys & { readonly num_hidden_layers: number },
  file: string,
): (number | undefined)[] {
  const { num_hidden_layers: layers, layer_types: types } = keys;
  if (types !== undefined && types !== null && types.length !== layers) {
    throw new MicrotuneError(
      'data',
      `${file}: layer_types names ${types.length} layers, num_hidden_layers is ${layers}`,
    );
  }
  const window = keys.use_sliding_window ? (keys.sliding_window ?? undefined) : undefined;
  return Array.from({ length: layers }, (_, layer) => {
    const slides =
      types === undefined || types === null
        ? layer >= keys.max_window_layers
        : types[layer] === 'sliding_attention';
    return slides ? window : undefined;
  });
}
