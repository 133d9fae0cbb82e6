/** What config.json says and leaves out: defaults and traps of transformers 5. */
import { describe, expect, it } from 'vitest';
import type { HfConfig } from '../folder/config-file.js';
import { parseGpt2Config } from './gpt2/config.js';
import { parseLlamaConfig } from './llama/config.js';
import { parseMistralConfig } from './mistral/config.js';
import { parseQwen2Config } from './qwen2/config.js';
import { parseQwen3Config } from './qwen3/config.js';

const file = 'model/config.json';
const llama = (keys: HfConfig) => parseLlamaConfig(keys, file);
const mistral = (keys: HfConfig) => parseMistralConfig(keys, file);
const qwen2 = (keys: HfConfig) => parseQwen2Config(keys, file);
const qwen3 = (keys: HfConfig) => parseQwen3Config(keys, file);
const gpt2 = (keys: HfConfig) => parseGpt2Config(keys, file);

// Expected numbers: LlamaConfig(), MistralConfig(), Qwen2Config(), Qwen3Config(), GPT2Config() of transformers 5.24.
describe('what config.json leaves out', () => {
  it('is read as the classes of transformers do', () => {
    expect(llama({})).toMatchObject({
      vocabSize: 32_000, hiddenSize: 4096, intermediateSize: 11_008, numLayers: 32, numHeads: 32, numKeyHeads: 32,
      headWidth: 128, maxTokens: 2048, rmsNormEps: 1e-6, tieWordEmbeddings: false, attentionDropout: 0,
      rotary: { theta: 10_000, scaling: { kind: 'default' } }, padTokenId: undefined,
    }); // prettier-ignore
    expect(mistral({})).toMatchObject({
      intermediateSize: 14_336, numKeyHeads: 8, headWidth: 128, maxTokens: 131_072, tieWordEmbeddings: false,
    }); // prettier-ignore
    expect(qwen2({})).toMatchObject({
      vocabSize: 151_936, intermediateSize: 22_016, numKeyHeads: 32, headWidth: 128, maxTokens: 32_768,
      tieWordEmbeddings: false, bias: { queryKeyValue: true, attentionOutput: false, feedForward: false },
    }); // prettier-ignore
    expect(qwen3({ hidden_size: 1024, num_attention_heads: 16, num_key_value_heads: 8 })).toMatchObject({
      headWidth: 128, headNorms: true, bias: { queryKeyValue: false, attentionOutput: false, feedForward: false },
    }); // prettier-ignore
    expect(gpt2({})).toMatchObject({
      vocabSize: 50_257, hiddenSize: 768, intermediateSize: 3072, numLayers: 12, numHeads: 12, maxTokens: 1024,
      activation: 'gelu_new', tieWordEmbeddings: true, layerNormEps: 1e-5,
      dropout: { embeddings: 0.1, attention: 0.1, residual: 0.1 },
    }); // prettier-ignore
  });

  it('has keys of its own number only where config.json says so', () => {
    expect(llama({ num_key_value_heads: null }).numKeyHeads).toBe(32);
    expect(mistral({ num_key_value_heads: null }).numKeyHeads).toBe(32);
    expect(llama({ head_dim: null, hidden_size: 64, num_attention_heads: 4 }).headWidth).toBe(16);
    expect(mistral({ head_dim: 96 }).headWidth).toBe(96);
  });
});

describe('sliding windows', () => {
  const layers = { num_hidden_layers: 3 };
  it.each([
    ['Llama has none', llama({ ...layers, sliding_window: 8 }), [undefined, undefined, undefined]],
    ['Mistral has one by default', mistral(layers), [4096, 4096, 4096]],
    [
      'null means none in Mistral',
      mistral({ ...layers, sliding_window: null }),
      [undefined, undefined, undefined],
    ],
    [
      'Qwen ignores it without use_sliding_window',
      qwen2({ ...layers, sliding_window: 8, max_window_layers: 0 }),
      [undefined, undefined, undefined],
    ],
    [
      'Qwen has it from max_window_layers on',
      qwen3({ ...layers, use_sliding_window: true, sliding_window: 8, max_window_layers: 1 }),
      [undefined, 8, 8],
    ],
    [
      'layer_types say it layer by layer',
      qwen2({
        ...layers,
        use_sliding_window: true,
        sliding_window: 8,
        layer_types: ['sliding_attention', 'full_attention', 'sliding_attention'],
      }),
      [8, undefined, 8],
    ],
    [
      'layer_types need use_sliding_window, too',
      qwen2({ ...layers, layer_types: new Array(3).fill('sliding_attention') }),
      [undefined, undefined, undefined],
    ],
  ])('%s', (_, { windows }, expected) => {
    expect(windows).toEqual(expected);
  });
});

describe('GPT-2', () => {
  it('takes the names of other models, too, and its own first', () => {
    expect(gpt2({ hidden_size: 64, num_attention_heads: 4, num_hidden_layers: 2 })).toMatchObject({
      hiddenSize: 64,
      numHeads: 4,
      numLayers: 2,
      intermediateSize: 256,
    });
    expect(gpt2({ n_embd: 32, n_head: 4, hidden_size: 64 }).hiddenSize).toBe(32);
  });

  it('reads n_inner, null as four times the width', () => {
    expect(gpt2({ n_inner: 100 }).intermediateSize).toBe(100);
    expect(gpt2({ n_inner: null }).intermediateSize).toBe(3072);
  });

  it('scales its attention as it is told', () => {
    const scales = (keys: HfConfig) => gpt2({ n_layer: 2, n_embd: 64, n_head: 4, ...keys }).scales;
    expect(scales({})).toEqual([0.25, 0.25]);
    expect(scales({ scale_attn_by_inverse_layer_idx: true })).toEqual([0.25, 0.125]);
    expect(scales({ scale_attn_weights: false })).toEqual([1, 1]);
  });
});

describe('what is not supported', () => {
  it.each([
    [() => llama({ hidden_act: 'gelu' }), 'hidden_act'],
    [() => llama({ vocab_size: '32000' }), 'vocab_size'],
    [
      () => llama({ num_key_value_heads: 5 }),
      'num_attention_heads 32 is not a multiple of num_key_value_heads 5',
    ],
    [
      () => llama({ hidden_size: 100 }),
      'hidden_size 100 is not a multiple of num_attention_heads 32',
    ],
    [() => llama({ head_dim: 5 }), 'head_dim 5 is odd'],
    [() => llama({ rope_scaling: { type: 'yarn', factor: 2 } }), 'rope_type "yarn"'],
    [() => mistral({ layer_types: ['full_attention'] }), 'layer_types'],
    [() => qwen2({ layer_types: ['chunked_attention'] }), 'layer_types'],
    [
      () => qwen2({ layer_types: ['full_attention'] }),
      'layer_types names 1 layers, num_hidden_layers is 32',
    ],
    [() => gpt2({ add_cross_attention: true }), 'add_cross_attention'],
    [() => gpt2({ activation_function: 'mish' }), 'activation_function'],
    [() => gpt2({ n_head: 7 }), 'n_embd 768 is not a multiple of n_head 7'],
  ])('is refused by the name of its key: %s', (parse, message) => {
    expect(parse).toThrow(
      expect.objectContaining({
        message: expect.stringContaining(message) as string,
      }),
    );
    expect(parse).toThrow(file);
  });
});
