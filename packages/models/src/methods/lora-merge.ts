/** LoRA written into the weights it lies beside: W + s B A, and with DoRA each row at its trained length. */
import { inputWidth, outputWidth } from '../program/module.js';
import type { LoraPlace } from './lora.js';
import type { ModuleWeights } from './method.js';
import { loraNames } from './peft-names.js';

/** Sums in float64, rounded once. */
export function mergeLora(
  { module, r, scale, useDora }: LoraPlace,
  { weight }: ModuleWeights,
  own: (name: string) => Float32Array,
): void {
  const names = loraNames(module.path);
  const [a, b] = [own(names.a), own(names.b)]; // [r, in], [out, r]
  const magnitude = useDora ? own(names.magnitude) : undefined; // [out]
  const [inputs, out] = [inputWidth(module), outputWidth(module)];
  // A row of the product's weight is a column of a conv1d's.
  const [rowStep, columnStep] = module.kind === 'conv1d' ? [1, out] : [inputs, 1];
  const row = new Float64Array(inputs);
  for (let o = 0; o < out; o++) {
    row.fill(0);
    for (let k = 0; k < r; k++) {
      const factor = scale * b[o * r + k]!;
      for (let i = 0; i < inputs; i++) row[i]! += factor * a[k * inputs + i]!;
    }
    let squares = 0;
    for (let i = 0; i < inputs; i++) {
      row[i]! += weight[o * rowStep + i * columnStep]!;
      squares += row[i]! * row[i]!;
    }
    const length = magnitude === undefined ? 1 : magnitude[o]! / Math.sqrt(squares);
    for (let i = 0; i < inputs; i++) weight[o * rowStep + i * columnStep] = length * row[i]!;
  }
}
