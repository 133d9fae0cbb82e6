/**
 * The parts of a transformer that hold weights, by their HuggingFace paths: what a family consists of, said once. From
 * it come the parameters, and what adapters can be put on.
 */
import type { Parameter } from './program.js';

export interface Module {
  /** Path of HuggingFace, e.g. `model.layers.0.self_attn.q_proj`: tensors are `<path>.weight` and `<path>.bias`. */
  readonly path: string;
  /** `linear` keeps its weight [out, in], `conv1d` (GPT-2) [in, out]; `embedding` [V, H]; norms [H]. */
  readonly kind: 'linear' | 'conv1d' | 'embedding' | 'rmsNorm' | 'layerNorm';
  /** Of the weight. */
  readonly shape: readonly number[];
  readonly hasBias: boolean;
}

export const linear = (
  path: string,
  sizes: { in: number; out: number },
  hasBias: boolean,
): Module => ({
  path,
  kind: 'linear',
  shape: [sizes.out, sizes.in],
  hasBias,
});
export const conv1d = (path: string, sizes: { in: number; out: number }): Module => ({
  path,
  kind: 'conv1d',
  shape: [sizes.in, sizes.out],
  hasBias: true,
});
export const embeddingTable = (path: string, rows: number, width: number): Module => ({
  path,
  kind: 'embedding',
  shape: [rows, width],
  hasBias: false,
});
export const rmsNormOf = (path: string, width: number): Module => ({
  path,
  kind: 'rmsNorm',
  shape: [width],
  hasBias: false,
});
export const layerNormOf = (path: string, width: number): Module => ({
  path,
  kind: 'layerNorm',
  shape: [width],
  hasBias: true,
});

/** Width of a linear module's output. */
export function outputWidth({ kind, shape }: Module): number {
  return shape[kind === 'conv1d' ? 1 : 0] ?? 0;
}

/**
 * The parameters of modules, all trained: one per tensor of a checkpoint. Weight decay spares biases and norms, as the
 * Trainer of transformers.
 * @param hostRows path of an embedding whose table stays on the host; undefined where all are in the graph
 */
export function parametersOf(
  modules: readonly Module[],
  hostRows: string | undefined,
): Parameter[] {
  return modules.flatMap((module) => parametersOfModule(module, module.path === hostRows));
}

/** Width of its input. */
export function inputWidth({ kind, shape }: Module): number {
  return shape[kind === 'conv1d' ? 0 : 1] ?? 0;
}

/** A trained matrix that weight decay touches, e.g. of an adapter. */
export function parameterOf(name: string, shape: readonly number[]): Parameter {
  return { name, shape, decay: true, gradient: 'dense', trainable: true };
}

function parametersOfModule(
  { path, kind, shape, hasBias }: Module,
  isHostRows: boolean,
): Parameter[] {
  const isNorm = kind === 'rmsNorm' || kind === 'layerNorm';
  const single = (name: string, own: readonly number[], decay: boolean): Parameter => ({
    name,
    shape: own,
    decay,
    gradient: isHostRows ? 'rows' : 'dense',
    trainable: true,
  });
  const weight = single(`${path}.weight`, shape, !isNorm);
  if (!hasBias) return [weight];
  const width = kind === 'conv1d' ? shape[1] : shape[0];
  return [weight, single(`${path}.bias`, [width ?? 0], false)];
}
