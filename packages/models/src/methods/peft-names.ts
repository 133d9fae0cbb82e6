/** How PEFT 0.21 names tensors in adapter_model.safetensors. */

const prefix = 'base_model.model.';

/** A tensor of an adapter's file. @param tensor path in the model, e.g. `classifier.weight` */
export function adapterName(tensor: string): string {
  return tensor.startsWith(prefix) ? tensor : `${prefix}${tensor}`;
}

export interface LoraNames {
  readonly a: string;
  readonly b: string;
  /** DoRA's lengths of rows. */
  readonly magnitude: string;
}

/** LoRA's tensors of a module. */
export const loraNames = (path: string): LoraNames => ({
  a: adapterName(`${path}.lora_A.weight`),
  b: adapterName(`${path}.lora_B.weight`),
  magnitude: adapterName(`${path}.lora_magnitude_vector`),
});

/** IA3's vector of a module. */
export const ia3Name = (path: string): string => adapterName(`${path}.ia3_l`);
