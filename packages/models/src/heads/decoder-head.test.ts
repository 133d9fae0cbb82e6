import { describe, expect, it } from 'vitest';
import { gpt2Body } from '../families/gpt2/body.js';
import { parseGpt2Config } from '../families/gpt2/config.js';
import { decoderArchitecture, decoderHead } from './decoder-head.js';

const body = gpt2Body(parseGpt2Config({ n_layer: 1 }, 'config.json'));
const classes = { className: 'GPT2', language: 'GPT2LMHeadModel' };

describe('the head of a decoder', () => {
  it.each([
    [{ kind: 'causal-lm' }, [], 'transformer.wte', 'GPT2LMHeadModel'],
    [{ kind: 'regression' }, ['score [1,768]'], undefined, 'GPT2ForSequenceClassification'],
    [
      { kind: 'sequence-classification', labels: ['a', 'b'] },
      ['score [2,768]'],
      undefined,
      'GPT2ForSequenceClassification',
    ],
  ] as const)('is that of the task: %j', (task, modules, table, name) => {
    const head = decoderHead({ body, task, output: undefined, labelSmoothing: 0 });
    expect(head.modules.map(({ path, shape }) => `${path} [${shape.join()}]`)).toEqual(modules);
    expect(head.readsTable).toBe(table);
    expect(decoderArchitecture(task, classes)).toBe(name);
  });
});
