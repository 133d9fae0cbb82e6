/** The likeliest continuations, against those of transformers (oracle/make_greedy.py). */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { loadEngine, type Engine } from '@microtune/engine';
import { loadModel } from '@microtune/models';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ForwardRunner } from '../forward-runner.js';
import { LanguageModel } from '../language-model.js';
import { openModel } from '../open-model.js';
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

/** A folder of SmolLM2-135M-Instruct; too large for the repository. */
const folder = process.env['SMOLLM2'];

describe('SmolLM2-135M-Instruct', () => {
  it('answers 50 questions as transformers, word for word', async ({ skip }) => {
    if (folder === undefined || !existsSync(folder))
      return skip('SMOLLM2 names no folder of the model');
    const cases = stored('greedy-smollm2.json') as readonly {
      readonly prompt: string;
      readonly prompt_tokens: number;
      readonly new_tokens: number;
      readonly text: string;
    }[];
    await using model = await openModel(folder, {
      compile: { threads: 2, precision: 'f32' },
      ...{ today: new Date(0), cacheFolder: '', graphStore: undefined },
      openEngine: () => loadEngine('onnx'),
    });
    expect(model).toBeInstanceOf(LanguageModel);
    const answers = await (model as LanguageModel).generate(
      cases.map(({ prompt }) => prompt),
      { maxNewTokens: 20 },
    );
    expect(
      answers.map(({ text, promptTokens, newTokens }) => ({
        text,
        prompt_tokens: promptTokens,
        new_tokens: newTokens,
      })),
    ).toEqual(cases.map(({ prompt: _, ...expected }) => expected));
  }, 600_000);
});
