import { describe, expect, it } from 'vitest';
import { oneAhead, readAhead } from './read-ahead.js';

const turns = async (count: number): Promise<void> => {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
};

async function* source(pieces: readonly number[][]): AsyncGenerator<number[]> {
  for (const piece of pieces) yield await Promise.resolve(piece);
}

describe('readAhead', () => {
  it('gives together what came while nobody asked, at most so much, in order', async () => {
    const groups: number[][] = [];
    for await (const group of readAhead(source([[1], [2, 3], [4], [5, 6, 7], [8]]), 3)) {
      groups.push(group);
      await turns(5);
    }
    expect(groups.flat()).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(groups.length).toBeLessThan(5);
    expect(Math.max(...groups.map((group) => group.length))).toBe(3);
  });

  it('passes on a slow source piece by piece', async () => {
    let next: (piece: number[]) => void = () => undefined;
    async function* slow(): AsyncGenerator<number[]> {
      for (;;) yield await new Promise<number[]>((resolve) => (next = resolve));
    }
    const reader = readAhead(slow(), 100);
    for (const piece of [[1], [2, 3]]) {
      const asked = reader.next();
      await turns(2);
      next(piece);
      expect((await asked).value).toEqual(piece);
    }
  });

  it('does not read without end what nobody takes', async () => {
    let read = 0;
    async function* endless(): AsyncGenerator<number[]> {
      for (;;) yield await Promise.resolve([read++]);
    }
    const reader = readAhead(endless(), 4);
    await reader.next();
    await turns(20);
    expect(read).toBeLessThan(10);
    await reader.return(undefined);
  });

  it('fails as the source does, after what came before', async () => {
    async function* failing(): AsyncGenerator<number[]> {
      yield await Promise.resolve([1]);
      throw new TypeError('torn');
    }
    const reader = readAhead(failing(), 4);
    await turns(3);
    expect((await reader.next()).value).toEqual([1]);
    await expect(reader.next()).rejects.toThrow('torn');
  });
});

describe('oneAhead', () => {
  it('asks for the next value before the last one is used', async () => {
    let asked = 0;
    async function* counted(): AsyncGenerator<number> {
      while (asked < 3) yield await Promise.resolve(++asked);
    }
    const seen: number[][] = [];
    for await (const value of oneAhead(counted())) {
      await turns(2);
      seen.push([value, asked]);
    }
    expect(seen).toEqual([
      [1, 2],
      [2, 3],
      [3, 3],
    ]);
  });
});
