/**
 * Our fused ops as tfjs kernels: the tracing backend has its own (a graph node each), every other backend gets the
 * plain composition when it first needs one.
 */
import '@tensorflow/tfjs-backend-cpu';
import {
  backend,
  engine,
  getBackend,
  getKernel,
  registerKernel,
  tidy,
} from '@tensorflow/tfjs-core';
import type { NamedTensorMap, Tensor } from '@tensorflow/tfjs-core';
import { registerGradients } from '../gradients/register-gradients.js';
import type { GeluApproximation } from '../graph/ops.js';
import { dropoutMath, geluGradMath, geluMath, layerNormMath } from '../reference/fused-math.js';
import { fusedKernelNames } from './fused-kernel-names.js';
import type { FusedKernelName } from './fused-kernel-names.js';

export interface FusedAttributes {
  readonly epsilon?: number;
  readonly approximate?: GeluApproximation;
  readonly scale?: number;
}
type Compute = (
  tensors: (name: string) => Tensor,
  attributes: Required<FusedAttributes>,
) => Tensor | Tensor[];

const compositions: Readonly<Record<FusedKernelName, Compute>> = {
  [fusedKernelNames.layerNorm]: (of, { epsilon }) =>
    layerNormMath(of('x'), of('gamma'), of('beta'), epsilon),
  [fusedKernelNames.gelu]: (of, { approximate }) => geluMath(of('x'), approximate),
  [fusedKernelNames.geluGrad]: (of, { approximate }) =>
    geluGradMath(of('dy'), of('x'), approximate),
  [fusedKernelNames.dropout]: (of, { scale }) => dropoutMath(of('x'), of('mask'), scale),
};

function registerFor(backendName: string): void {
  for (const [kernelName, compute] of Object.entries(compositions)) {
    registerKernel({
      kernelName,
      backendName,
      kernelFunc: ({ inputs, attrs }) => {
        const of = (name: string) => inputs[name] as Tensor;
        return tidy(() => compute(of, attrs as unknown as Required<FusedAttributes>));
      },
    });
  }
}

/** Runs one of our kernels on the current backend. */
export function runFused(
  name: FusedKernelName,
  inputs: NamedTensorMap,
  attributes: FusedAttributes,
): Tensor[] {
  registerGradients();
  backend(); // tfjs chooses a backend when there is none yet
  if (getKernel(name, getBackend()) === undefined) registerFor(getBackend());
  const outputs: Tensor | Tensor[] = engine().runKernel(name, inputs, { ...attributes });
  return Array.isArray(outputs) ? outputs : [outputs];
}
