/**
 * Named for a fault: with OpenVINO's own bf16 hint the gradient of a pretrained model had a cosine of 0.37 with the
 * float32 one, and SST-2 stayed at 0.70 (docs/decisions/0004-bf16-products.md).
 */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { createArena } from '@microtune/arena';
import { isEngine, loadOpenvino, type Executable, type HostBuffer } from '@microtune/engine';
import { allocateBlock, blockCount, layOutParameters, loadModel } from '@microtune/models';
import { describe, expect, it } from 'vitest';
import { testLibraries } from '../../packages/engine/src/setup/test-libraries.js';

const modelFolder = resolve('../shared/models/minilm-l6');
const shape = { rows: 4, tokens: 16, samplesPerRow: 1 };

type Buffers = Record<string, HostBuffer>;

/** One real sentence per row: [CLS] words [SEP], padded. */
const sentences = [
  [101, 1037, 18385, 3993, 2143, 102],
  [101, 2054, 1037, 5949, 1997, 2051, 102],
  [101, 1996, 3185, 2003, 2200, 2204, 1998, 1045, 2293, 2009, 102],
  [101, 2009, 2003, 2025, 2204, 102],
];

function batchInputs(): Buffers {
  const ids = new Int32Array(shape.rows * shape.tokens);
  const sampleOfToken = new Float32Array(ids.length);
  sentences.forEach((words, row) => {
    ids.set(words, row * shape.tokens);
    sampleOfToken.fill(1, row * shape.tokens, row * shape.tokens + words.length);
  });
  return {
    input_ids: ids,
    position_ids: ids.map((_, at) => at % shape.tokens),
    sample_of_token: sampleOfToken,
    first_tokens: new Int32Array(shape.rows),
    token_type_ids: new Int32Array(ids.length),
    labels: Int32Array.of(1, 0, 1, 0),
  };
}

const emptyOutputs = (executable: Executable): Record<string, Float32Array> =>
  Object.fromEntries(
    executable.outputs.map(({ name, shape: dims }) => [
      name,
      new Float32Array(dims.reduce((product, size) => product * size, 1)),
    ]),
  );

describe('bfloat16 products in OpenVINO', () => {
  it('keep the gradient of a pretrained model', async ({ skip }) => {
    if (!existsSync(modelFolder)) skip('../shared/models is not here');
    const { librariesFolder, skipReason } = await testLibraries();
    if (librariesFolder === undefined) return skip(skipReason);
    const engine = await loadOpenvino({ librariesFolder });
    if (!isEngine(engine)) throw new TypeError(engine.reason);
    if (!engine.precisions.includes('bf16')) skip(`${engine.device} has no bfloat16`);

    const overrides = { hiddenDropoutProb: 0, attentionProbsDropoutProb: 0 };
    const model = await loadModel(modelFolder, {
      seed: 42,
      task: { kind: 'sequence-classification', labels: ['0', '1'] },
      overrides,
    });
    const layout = layOutParameters(model.program.parameters);
    const parameters = allocateBlock(await createArena(blockCount(layout)), layout);
    await model.load((parameter) => parameters.view(parameter));
    const { graph } = await model.program.traceTraining(shape);

    const inputs = batchInputs();
    for (const parameter of layout.parameters) inputs[parameter.name] = parameters.view(parameter);
    for (const { table, rowsInput, tableShape } of graph.hostRows) {
      const rows = inputs[table] as Float32Array;
      const width = tableShape[1];
      const gathered = new Float32Array(shape.rows * shape.tokens * width);
      inputs['input_ids']?.forEach((id, at) => {
        gathered.set(rows.subarray(id * width, (id + 1) * width), at * width);
      });
      inputs[rowsInput] = gathered;
    }

    const gradients: Record<string, Float32Array>[] = [];
    for (const precision of ['f32', 'bf16'] as const) {
      const executable = await engine.compile(graph, { threads: 1, precision });
      const outputs = emptyOutputs(executable);
      await executable.run(inputs, outputs);
      executable.dispose();
      gradients.push(outputs);
    }
    const [exact = {}, rounded = {}] = gradients;
    const whole = Math.hypot(...Object.values(exact).map((values) => norm(values)));
    for (const [name, values] of Object.entries(exact)) {
      const error = norm(values.map((value, at) => value - (rounded[name]?.[at] ?? NaN)));
      expect(error, name).toBeLessThan(0.05 * norm(values) + 1e-3 * whole);
    }
  });
});

function norm(values: Float32Array): number {
  return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
}
