import { describe, expect, it } from 'vitest';
import { MicrotuneError, shapeKey, type ShardShape } from '@microtune/shared';
import type { CompiledGraph } from '@microtune/models';
import { compileAhead, type CompileShape } from './compile-shape.js';

const shapeOf = (rows: number): ShardShape => ({ rows, tokens: 16, samplesPerRow: 1 });

/** Keeps what was asked for; 99 rows fail. */
function recorder(): { asked: string[]; compile: CompileShape } {
  const asked: string[] = [];
  const compile: CompileShape = async (kind, shape) => {
    asked.push(`${kind} ${shapeKey(shape)}`);
    await Promise.resolve();
    if (shape.rows === 99) throw new MicrotuneError('internal', 'no such shape');
    return { traced: {}, executable: {} } as unknown as CompiledGraph;
  };
  return { asked, compile };
}

describe('compileAhead', () => {
  it('compiles the first shapes in order before anybody asks, and hands each out once', async () => {
    const { asked, compile } = recorder();
    const ahead = compileAhead(compile, [shapeOf(4), shapeOf(8)]);
    await new Promise((resolve) => setImmediate(resolve));
    expect(asked).toEqual(['training 4x16x1', 'training 8x16x1']);
    const first = await ahead('training', shapeOf(8));
    expect(asked).toHaveLength(2);
    // A graph is disposed of by who took it: the next one gets another.
    expect(await ahead('training', shapeOf(8))).not.toBe(first);
    await ahead('evaluation', shapeOf(4));
    expect(asked.slice(2)).toEqual(['training 8x16x1', 'evaluation 4x16x1']);
  });

  it('gives the error of a shape to who asks for it, and goes on with the next', async () => {
    const { asked, compile } = recorder();
    const ahead = compileAhead(compile, [shapeOf(99), shapeOf(4)]);
    await new Promise((resolve) => setImmediate(resolve));
    expect(asked).toHaveLength(2);
    await ahead('training', shapeOf(4));
    await expect(ahead('training', shapeOf(99))).rejects.toThrow('no such shape');
  });
});
