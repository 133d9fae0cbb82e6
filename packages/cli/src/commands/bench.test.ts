import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createScene } from '../testing/scene.js';

const scene = createScene();
const { microtune } = scene;
beforeAll(() => scene.prepare());
afterAll(() => scene.remove());

describe('microtune bench and doctor', () => {
  it('measures engines in numbers', async () => {
    const small = [
      '--layers',
      '1',
      '--hidden_size',
      '32',
      '--rows',
      '2',
      '--tokens',
      '16',
      '--repeats',
      '2',
    ];
    const { code, stdout, stderr } = await microtune([
      'bench',
      'engine',
      '--engine',
      'onnx',
      ...small,
      '--json',
    ]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const { results, notes } = JSON.parse(stdout) as {
      results: { tokensPerSecond: number }[];
      notes: string[];
    };
    expect(results).toHaveLength(1);
    expect(results[0]?.tokensPerSecond).toBeGreaterThan(0);
    expect(notes).toEqual(['engine onnx does not run bf16 on this machine']);
  });

  it('fails when nothing could be measured', async () => {
    const { code, stdout, stderr } = await microtune([
      'bench',
      'engine',
      '--engine',
      'onnx',
      '--bf16',
      'true',
    ]);
    expect({ code, stdout }).toEqual({ code: 64, stdout: '' });
    expect(stderr).toContain('nothing to measure: engine onnx does not run bf16');
  });

  it('says which engines load, and what to do about others', async () => {
    const { code, stdout } = await microtune(['doctor', '--json']);
    expect(code).toBe(0);
    const { engines } = JSON.parse(stdout) as {
      engines: { name: string; loads: boolean; remedy?: string }[];
    };
    expect(engines.find(({ name }) => name === 'onnx')?.loads).toBe(true);
    const lacking = engines.filter(({ loads }) => !loads).map(({ remedy }) => remedy);
    expect(lacking).toEqual([
      'microtune setup openvino',
      'microtune setup xla',
      'microtune setup tensorflow',
      'microtune setup xla --cuda',
      'microtune setup tensorflow --cuda',
    ]);
  });
});
