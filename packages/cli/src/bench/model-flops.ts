/**
 * Model-FLOPs utilisation: the arithmetic that the model asks for, over what the card could do in that time. Work that
 * an engine does twice or on padding does not count. Per token, forward and backward (Chowdhery et al., PaLM, app. B):
 *   6 x (weights of the layers' matrix products) + 12 x layers x tokens per row x width (scores and their sums).
 */

export interface TransformerShape {
  readonly layers: number;
  readonly hiddenSize: number;
  /** Of the inner layer; four times the width unless given. */
  readonly intermediateSize?: number;
}

/** FLOPs of one optimizer step without the optimizer. */
export function stepFlops(
  { layers, hiddenSize, intermediateSize = 4 * hiddenSize }: TransformerShape,
  { rows, tokens }: { readonly rows: number; readonly tokens: number },
): number {
  const weights = layers * (4 * hiddenSize ** 2 + 2 * hiddenSize * intermediateSize);
  return rows * tokens * (6 * weights + 12 * layers * tokens * hiddenSize);
}

interface Peak {
  readonly name: RegExp;
  /** TFLOP/s, dense, of bfloat16 with float32 sums, and of float32 without TF32. */
  readonly bf16: number;
  readonly f32: number;
}

/** From NVIDIA's data sheets; those that state figures with sparsity are halved. The first that matches counts. */
const peaks: readonly Peak[] = [
  { name: /\bB200\b/, bf16: 2250, f32: 75 },
  { name: /\bH100 PCIe\b/, bf16: 756, f32: 51 },
  { name: /\b(?:H100|H200|GH200)\b/, bf16: 989, f32: 67 },
  { name: /\bA100\b/, bf16: 312, f32: 19.5 },
  { name: /\bL40S\b/, bf16: 362, f32: 91.6 },
  { name: /\bL4\b/, bf16: 121, f32: 30.3 },
  { name: /\bA10G?\b/, bf16: 125, f32: 31.2 },
  { name: /\bRTX 4090\b/, bf16: 165, f32: 82.6 },
];

/** FLOP/s of a card by its name; undefined for one that is not in the table. */
export function peakFlops(gpu: string, precision: 'f32' | 'bf16'): number | undefined {
  const peak = peaks.find(({ name }) => name.test(gpu));
  return peak && peak[precision] * 1e12;
}
