import { describe, expect, it } from 'vitest';
import { cardNumber, deviceListSchema, deviceOfRank } from './devices.js';

describe('deviceListSchema', () => {
  it.each([
    ['cpu', ['cpu']],
    ['cuda', ['cuda']],
    ['cuda:1, cuda:0', ['cuda:1', 'cuda:0']],
    [['cuda:10'], ['cuda:10']],
  ])('takes %s', (written, names) => {
    expect(deviceListSchema.parse(written)).toEqual(names);
  });

  it.each([
    ['gpu', /expected cpu, cuda, or cards such as cuda:0,cuda:1/],
    ['cuda:01', /expected cpu/],
    ['', /expected cpu/],
    [[], /expected cpu/],
    ['cuda:0,cuda:1,cuda:0', /cuda:0 is named twice.*--oversubscribe/],
    ['cpu,cuda:0', /cpu stands alone/],
    ['cuda:0,cuda', /cuda stands alone/],
  ])('refuses %s', (written, message) => {
    expect(deviceListSchema.safeParse(written).error?.issues[0]?.message).toMatch(message);
  });
});

it('deals devices out in turn', () => {
  const run = { devices: ['cuda:2', 'cuda:5'], workers: 5 };
  const dealt = [0, 1, 2, 3, 4].map((rank) => deviceOfRank(run, rank));
  expect(dealt.map(({ name }) => name)).toEqual(['cuda:2', 'cuda:5', 'cuda:2', 'cuda:5', 'cuda:2']);
  expect(dealt.map(({ workers }) => workers)).toEqual([3, 2, 3, 2, 3]);
  expect(deviceOfRank({ devices: ['cpu'], workers: 3 }, 1)).toEqual({ name: 'cpu', workers: 3 });
});

it('knows the number of a card', () => {
  expect(['cuda:3', 'cpu', 'cuda'].map(cardNumber)).toEqual([3, undefined, undefined]);
});
