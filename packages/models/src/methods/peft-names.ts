/** How PEFT 0.21 names tensors in adapter_model.safetensors. */

const prefix = 'base_model.model.';

/** A tensor of an adapter's file. @param tensor path in the model, e.g. `classifier.weight` */
export function adapterName(tensor: string): string {
  return tensor.startsWith(prefix) ? tensor : `${prefix}${tensor}`;
}

/** LoRA's two matrices of a module. */
export const loraNames = (path: string): { readonly a: string; readonly b: string } => ({
  a: adapterName(`${path}.lora_A.weight`),
  b: adapterName(`${path}.lora_B.weight`),
});
