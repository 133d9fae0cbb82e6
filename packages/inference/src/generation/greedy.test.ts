/** The likeliest continuations, against those of transformers (oracle/make_greedy.py). */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { loadEngine, type Engine } from '@microtune/engine';
import { loadModel } from '@microtune/models';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ForwardRunner } from '../forward-runner.js';
import { chooseToken } from '../sampling/choose-token.js';
import { greedy } from '../sampling/sampling-options.js';
import { readWeights } from '../weights.js';
import { NextTokens } from './next-tokens.js';

const oracle = (path: string): string =>
  fileURLToPath(new URL(`../../oracle/${path}`, import.meta.url));
const stored = (name: string): unknown => JSON.parse(readFileSync(oracle(name), 'utf8'));

interface Continued {
  readonly prompt: readonly number[];
  readonly tokens: readonly number[];
}
const tiny = stored('greedy-tiny.json') as Readonly<Record<string, readonly Continued[]>>;
const place = { seed: 0, sample: 0, position: 0 };

describe('tiny decoders', () => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await loadEngine('onnx');
  });
  afterAll(() => {
    engine.dispose();
  });

  it.each(Object.entries(tiny))(
    'continue as transformers, all rows side by side: %s',
    async (name, cases) => {
      const folder = fileURLToPath(
        new URL(`../../../models/oracle/fixtures/decoders/${name}`, import.meta.url),
      );
      const model = await loadModel(folder, { seed: 0, task: { kind: 'causal-lm' } });
      const runner = await ForwardRunner.open({
        ...{ model, engine: { ...engine, dispose: () => undefined } },
        weights: await readWeights(model),
        compile: { threads: 1, precision: 'f32' },
        graphStore: undefined,
      });
      const { maxTokens } = model;
      const rows = cases.length;
      const next = new NextTokens({ graphs: runner.tokenGraphs, rows, maxTokens });
      const said: number[][] = [];
      for (const [row, { prompt, tokens }] of cases.entries()) {
        const logits = await next.begin(row, prompt, prompt.length + tokens.length - 1);
        said.push([chooseToken(logits, [], greedy, place)]);
      }
      const most = Math.max(...cases.map(({ tokens }) => tokens.length));
      while (said[0]!.length < most) {
        const logits = await next.next(Int32Array.from(said, (own) => own.at(-1) ?? 0));
        const width = logits.length / rows;
        said.forEach((own, row) =>
          own.push(chooseToken(logits.subarray(row * width, (row + 1) * width), [], greedy, place)),
        );
      }
      await runner.close();
      expect(said).toEqual(cases.map(({ tokens }) => tokens));
    },
  );
});
