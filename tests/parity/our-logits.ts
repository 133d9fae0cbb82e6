/** Logits of a folder as this project computes them, of single samples. */
import { loadEngine } from '@microtune/engine';
import { loadModel } from '@microtune/models';
import { outputNames, tokenInputs } from '@microtune/tasks';
import { runTraced } from '../../packages/models/oracle/run-traced.js';

/** @returns of each list of token ids: [labels], or [tokens * words] */
export async function ourLogits(
  folder: string,
  samples: readonly (readonly number[])[],
): Promise<Float32Array[]> {
  const { program, load } = await loadModel(folder, { seed: 0 });
  const weights = new Map<string, Float32Array>();
  await load(({ name, shape }) => {
    const values = new Float32Array(shape.reduce((count, size) => count * size, 1));
    weights.set(name, values);
    return values;
  });
  const engine = await loadEngine('onnx');
  try {
    const all: Float32Array[] = [];
    for (const ids of samples) {
      const shape = { rows: 1, tokens: ids.length, samplesPerRow: 1 };
      const outputs = await runTraced(engine, await program.traceForward(shape), {
        parameters: program.parameters,
        weights: ({ name }) => weights.get(name)!,
        inputs: {
          [tokenInputs.inputIds.name]: Int32Array.from(ids),
          [tokenInputs.positionIds.name]: Int32Array.from(ids.keys()),
          [tokenInputs.sampleOfToken.name]: new Float32Array(ids.length).fill(1),
          [tokenInputs.tokenTypeIds.name]: new Int32Array(ids.length),
          [tokenInputs.firstTokens.name]: Int32Array.of(0),
          [tokenInputs.lastTokens.name]: Int32Array.of(ids.length - 1),
        },
      });
      all.push(outputs.get(outputNames.logits) ?? new Float32Array());
    }
    return all;
  } finally {
    engine.dispose();
  }
}
