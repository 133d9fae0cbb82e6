/** Angles against those of transformers (oracle/make_rotary.py). */
import { describe, expect, it } from 'vitest';
import { readJson } from '../../oracle/fixtures.js';
import { inverseFrequencies, parseRotary, rotaryTables } from './rotary.js';

interface Stored {
  readonly name: string;
  readonly keys: Readonly<Record<string, unknown>>;
  readonly tokens: number;
  readonly inverse_frequencies: readonly number[];
  readonly cosine_of_last: readonly number[];
  readonly sine_of_last: readonly number[];
}

const model = { headWidth: 32, maxTokens: 48, file: 'config.json' };

describe('rotary positions', () => {
  it.each(readJson<Stored[]>('rotary.json'))('are those of transformers: $name', (stored) => {
    const settings = parseRotary(stored.keys, model);
    const frequencies = [...inverseFrequencies(settings, stored.tokens)];
    expect(frequencies).toHaveLength(16);
    frequencies.forEach((frequency, i) => {
      expect(Math.abs(frequency / (stored.inverse_frequencies[i] ?? NaN) - 1)).toBeLessThan(1e-6);
    });
    const { cosine, sine } = rotaryTables(settings, stored.tokens);
    const last = (table: Float32Array) => [...table.subarray(-16)];
    // transformers multiplies angles in float32: the last of 96 turns is off by 1e-6.
    const near = (values: readonly number[]) =>
      values.map((value) => expect.closeTo(value, 4) as number);
    expect(last(cosine)).toEqual(near(stored.cosine_of_last));
    expect(last(sine)).toEqual(near(stored.sine_of_last));
  });

  it.each([
    [
      { rope_scaling: { rope_type: 'yarn', factor: 4 } },
      'usage',
      'config.json: rope_scaling: rope_type "yarn" is not supported; supported: default, linear, dynamic, llama3',
    ],
    [
      { rope_parameters: { rope_type: 'linear', factor: 4, mscale: 2 } },
      'usage',
      'rope_parameters: Unrecognized key: "mscale"',
    ],
    [{ rope_scaling: { type: 'linear' } }, 'data', 'rope_scaling: factor'],
    [{ rope_scaling: { type: 'linear', factor: -1 } }, 'data', 'rope_scaling: factor'],
    [{ partial_rotary_factor: 0.5 }, 'data', 'partial_rotary_factor'],
    [
      { rope_parameters: { full_attention: { rope_type: 'default' } } },
      'usage',
      'Unrecognized key: "full_attention"',
    ],
  ])('are refused by name: %j', (keys, code, message) => {
    expect(() => parseRotary(keys, model)).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(message) as string }),
    );
  });

  it('need an even head', () => {
    expect(() => parseRotary({}, { ...model, headWidth: 7 })).toThrow('head_dim 7 is odd');
  });
});
