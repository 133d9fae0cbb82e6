import { describe, expect, it } from 'vitest';
import { parameterOf } from '../program/module.js';
import { allocateFrozen } from './frozen-weights.js';

const frozen = (name: string) => ({ ...parameterOf(name, [2]), trainable: false });

describe('allocateFrozen', () => {
  it('keeps what it is told to in half the memory, and gives its numbers all the same', () => {
    const trained = { ...parameterOf('c', [2]), trainable: true };
    const weights = allocateFrozen([frozen('a'), frozen('b'), trained], new Set(['b']));
    expect(weights.parameters.map(({ name }) => name)).toEqual(['a', 'b']);
    const [a, b] = [weights.stored({ name: 'a' }), weights.stored({ name: 'b' })];
    expect([a.byteLength, b.byteLength]).toEqual([8, 4]);
    b.set([0x80, 0x3f, 0x49, 0xc0]);
    expect(weights.stored({ name: 'b' })).toBe(b);
    expect([...weights.view({ name: 'b' })]).toEqual([1, -3.140625]);
    expect(weights.view({ name: 'a' })).toBe(a);
    expect(() => weights.view({ name: 'c' })).toThrow('frozen parameter c has memory');
  });
});
