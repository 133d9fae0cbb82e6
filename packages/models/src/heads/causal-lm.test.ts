import { describe, expect, it } from 'vitest';
import { createProgram } from '../program/create-program.js';
import { llamaBody } from '../families/llama/body.js';
import { parseLlamaConfig } from '../families/llama/config.js';
import { causalLmHead } from './causal-lm.js';

const config = parseLlamaConfig(
  {
    vocab_size: 50_000,
    hidden_size: 16,
    intermediate_size: 24,
    num_hidden_layers: 1,
    num_attention_heads: 2,
  },
  'config.json',
);
const body = llamaBody(config);
const shape = { rows: 4, tokens: 256, samplesPerRow: 2 };

describe('a causal language model', () => {
  it.each([
    ['tied', undefined],
    ['not tied', 'lm_head'],
  ])('never has the logits of all tokens: %s', async (_, output) => {
    const head = causalLmHead({ body, output, labelSmoothing: 0 });
    const program = createProgram({ identity: 'test', body, head });
    const { graph } = await program.traceTraining(shape);
    const largest = graph.nodes
      .flatMap(({ outputs }) => outputs)
      .reduce(
        (most, { shape: own }) =>
          Math.max(
            most,
            own.reduce((a, b) => a * b, 1),
          ),
        0,
      );
    expect(largest).toBeLessThanOrEqual(2 ** 24);
    expect(largest).toBeLessThan((1024 * 50_000) / 3);
  });

  it('has its table in the graph where the head is tied to it, and on the host where not', () => {
    const table = (output: string | undefined) =>
      createProgram({
        identity: 'test',
        body,
        head: causalLmHead({ body, output, labelSmoothing: 0 }),
      })
        .parameters.filter(({ shape: own }) => own[0] === 50_000)
        .map(({ name, gradient }) => `${name} ${gradient}`);
    expect(table(undefined)).toEqual(['model.embed_tokens.weight dense']);
    expect(table('lm_head')).toEqual(['model.embed_tokens.weight rows', 'lm_head.weight dense']);
  });
});
