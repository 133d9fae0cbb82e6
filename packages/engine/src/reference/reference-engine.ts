/** The engine `reference`: walks the graph node by node in eager tfjs on the cpu backend. */
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import type { Tensor } from '@tensorflow/tfjs-core';
import { MicrotuneError, assert } from '@microtune/shared';
import type { Engine, Executable } from '../engine.js';
import type { Graph, Value } from '../graph/graph.js';
import { bufferFits } from '../graph/shape.js';
import { verifyGraph } from '../graph/verify-graph.js';
import type { HostBuffer, TensorSpec } from '../graph-types.js';
import { runReferenceNode } from './reference-kernels.js';
import { onCpuBackend } from './on-cpu-backend.js';

type Buffers = Readonly<Record<string, HostBuffer>>;

/** Loads the reference engine; it works wherever Node does. */
export async function loadReference(): Promise<Engine> {
  return {
    name: 'reference',
    version: tf.version_core,
    device: 'cpu',
    precisions: ['f32'],
    compile: async (graph, { precision }) => {
      if (precision !== 'f32') {
        throw new MicrotuneError(
          'usage',
          `the engine reference computes in f32 only, not in ${precision}`,
        );
      }
      verifyGraph(graph);
      return executable(graph);
    },
    dispose: () => {},
  };
}

function executable(graph: Graph): Executable {
  return {
    inputs: graph.inputs,
    outputs: graph.outputs,
    run: async (inputs, outputs) => {
      onCpuBackend(() => {
        const tensors = evaluate(graph, inputs);
        for (const spec of graph.outputs) {
          buffer('output', spec, outputs).set(tensors.get(spec.value)!.dataSync());
        }
      });
    },
    dispose: () => {},
  };
}

function evaluate(graph: Graph, inputs: Buffers): ReadonlyMap<Value, Tensor> {
  const tensors = new Map<Value, Tensor>();
  for (const spec of graph.inputs) {
    const data = buffer('input', spec, inputs).slice(); // tfjs keeps what it is given; the caller's buffer may change
    tensors.set(spec.value, tf.tensor(data, [...spec.shape], spec.dtype));
  }
  for (const node of graph.nodes) {
    const outputs = runReferenceNode(
      node,
      node.inputs.map((input) => tensors.get(input)!),
    );
    node.outputs.forEach((value, i) => tensors.set(value, outputs[i]!));
  }
  return tensors;
}

function buffer(kind: string, { name, shape, dtype }: TensorSpec, buffers: Buffers): HostBuffer {
  const found = buffers[name];
  assert(found !== undefined, `no buffer for graph ${kind} "${name}"`);
  assert(
    bufferFits(found, shape, dtype),
    `graph ${kind} "${name}" needs a buffer for ${dtype} [${shape.join(', ')}]`,
  );
  return found;
}
