/** Graphs that generate, against what transformers computed of whole texts (oracle/make_decoders.py). */
import { loadEngine, type Engine } from '@microtune/engine';
import { tokenInputs } from '@microtune/tasks';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decoderFolder, weightsOfFolder, type StoredDecoder } from '../../oracle/decoders.js';
import { readJson, type GraphInputs } from '../../oracle/fixtures.js';
import { runTraced } from '../../oracle/run-traced.js';
import { loadModel } from '../folder/load-model.js';
import { graphNames } from './program.js';

const names = ['llama', 'llama-tied', 'mistral', 'qwen2', 'qwen3', 'gpt2'];
/** More than any text has, so that places stay empty. */
const cached = 12;

/** Keys and values of several rows, [R, K, C, D] each, by the name of the graph's input; empty places hold what would be seen. */
class Kept {
  readonly inputs: Record<string, Float32Array> = {};

  constructor(
    readonly rows: number,
    readonly heads: number,
  ) {}

  /** @param outputs of a run with `tokens` new tokens per row, the first at `positions` */
  write(outputs: ReadonlyMap<string, Float32Array>, tokens: number, positions: readonly number[]) {
    for (const [name, values] of outputs) {
      const [, kind, path] = /^new_(key|value)\/(.*)$/.exec(name) ?? [];
      if (kind === undefined || path === undefined) continue;
      const input = kind === 'key' ? graphNames.keptKey(path) : graphNames.keptValue(path);
      const lists = this.rows * this.heads;
      const width = values.length / (lists * tokens);
      const kept = (this.inputs[input] ??= new Float32Array(lists * cached * width).fill(7));
      for (let list = 0; list < lists; list++) {
        const place = positions[Math.floor(list / this.heads)] ?? 0;
        const from = values.subarray(list * tokens * width, (list + 1) * tokens * width);
        const room = (cached - place) * width;
        kept.set(from.subarray(0, room), (list * cached + place) * width);
      }
    }
  }
}

describe.each(['reference', 'onnx'] as const)('engine %s', (engineName) => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await loadEngine(engineName);
  });
  afterAll(() => {
    engine.dispose();
  });

  it.each(
    names.flatMap((name) => [
      { name, first: 3, then: 1 },
      { name, first: 2, then: 3 },
    ]),
  )(
    'says after $first tokens and then $then at a time what it says of whole texts: $name',
    async ({ name, first, then }) => {
      const stored = readJson<StoredDecoder>('decoders', name, 'expected.json');
      const { program, config } = await loadModel(decoderFolder(name), { seed: 0 });
      const weights = await weightsOfFolder(decoderFolder(name), program.parameters);
      const { input_ids: texts } = stored;
      const rows = texts.length;
      const kept = new Kept(rows, Number(config['num_key_value_heads'] ?? config['n_head']));
      const done = texts.map(() => 0);

      const say = async (tokens: number, given: number[], isFirst: boolean) => {
        const inputs: GraphInputs = {
          ...batchOf(texts, { tokens, from: done, given }),
          ...(isFirst ? {} : kept.inputs),
        };
        const graph = await program.traceGeneration({ rows, tokens, cached: isFirst ? 0 : cached });
        const said = await runTraced(engine, graph, {
          parameters: program.parameters,
          weights,
          inputs,
        });
        kept.write(said, tokens, done);
        return said.get(graphNames.logits) ?? new Float32Array();
      };

      for (let isFirst = true; done.some((at, row) => at < texts[row]!.length); isFirst = false) {
        const tokens = isFirst ? first + 2 : then;
        const given = texts.map(({ length }, row) =>
          Math.min(isFirst ? first : then, length - done[row]!),
        );
        const logits = await say(tokens, given, isFirst);
        const width = logits.length / rows;
        let start = 0;
        texts.forEach(({ length }, row) => {
          done[row]! += given[row]!;
          const expected = given[row] === 0 ? [] : stored.logits[start + done[row]! - 1]!;
          expected.forEach((value, i) => {
            expect(Math.abs(value - (logits[row * width + i] ?? NaN))).toBeLessThan(1e-4);
          });
          start += length;
        });
      }
    },
  );
});

/** The next tokens of each text. @param from done so far @param given how many are given, by row */
function batchOf(
  texts: readonly (readonly number[])[],
  { tokens, from, given }: { tokens: number; from: readonly number[]; given: readonly number[] },
): GraphInputs {
  const cells = texts.length * tokens;
  const inputs = {
    [tokenInputs.inputIds.name]: new Int32Array(cells),
    [tokenInputs.positionIds.name]: new Int32Array(cells),
    [tokenInputs.sampleOfToken.name]: new Float32Array(cells),
    [tokenInputs.lastTokens.name]: new Int32Array(texts.length),
  };
  texts.forEach((ids, row) => {
    for (let at = 0; at < given[row]!; at++) {
      const cell = row * tokens + at;
      inputs[tokenInputs.inputIds.name]![cell] = ids[from[row]! + at]!;
      inputs[tokenInputs.positionIds.name]![cell] = from[row]! + at;
      inputs[tokenInputs.sampleOfToken.name]![cell] = 1;
    }
    inputs[tokenInputs.lastTokens.name]![row] = row * tokens + Math.max(0, given[row]! - 1);
  });
  return inputs;
}
