import { env as environment } from 'node:process';
import { beforeAll, describe, expect, it } from 'vitest';
import { GraphBuilder } from '../graph/graph-builder.js';
import { testTensorflow } from '../setup/tensorflow-test-addon.js';
import type { TensorflowBinding } from './binding.js';
import { loadUnder } from './environment.js';
import type { ResidentModel } from './resident-program.js';
import { ResidentSession } from './resident-session.js';

const { addonFile, skipReason } = await testTensorflow();
const options = { floatsAsInt32: false } as const;
const precision = 'f32';
const spec = (name: string) => ({ name, shape: [64], dtype: 'float32' }) as const;

/** Fits w to a target: upload, a gradient that stays, an update from state, download, a swap of two variables. */
function model(): ResidentModel {
  const graph = (make: (build: GraphBuilder) => ReturnType<GraphBuilder['finish']>) =>
    make(new GraphBuilder());
  const pass = graph((build) => build.finish({ to: build.input('from', [64], 'float32') }));
  const gradient = graph((build) => {
    const [w, target] = [build.input('w', [64], 'float32'), build.input('target', [64], 'float32')];
    const slope = build.add('sub', [w, target], {});
    const square = build.add('mul', [slope, slope], {});
    return build.finish({
      loss: build.add('reduceSum', [square], { axes: [0], keepDims: false }),
      slope,
    });
  });
  const apply = graph((build) => {
    const [w, slope] = [build.input('w', [64], 'float32'), build.input('slope', [64], 'float32')];
    const momentum = build.input('momentum', [64], 'float32');
    const rate = build.input('rate', [], 'float32');
    const half = build.splat([], 'float32', 0.5);
    const newMomentum = build.add('add', [build.add('mul', [momentum, half], {}), slope], {});
    const update = build.add('mul', [newMomentum, rate], {});
    return build.finish({ newW: build.add('sub', [w, update], {}), newMomentum });
  });
  const swap = graph((build) => {
    const [a, b] = [build.input('a', [64], 'float32'), build.input('b', [64], 'float32')];
    return build.finish({ newA: b, newB: a });
  });
  return {
    variables: [spec('w'), spec('slope, or gradient:0'), spec('momentum')],
    programs: {
      upload: { graph: pass, precision, reads: {}, writes: { to: 'w' } },
      reset: { graph: pass, precision, reads: {}, writes: { to: 'momentum' } },
      gradient: {
        graph: gradient,
        precision,
        reads: { w: 'w' },
        writes: { slope: 'slope, or gradient:0' },
      },
      apply: {
        graph: apply,
        precision,
        reads: { w: 'w', slope: 'slope, or gradient:0', momentum: 'momentum' },
        writes: { newW: 'w', newMomentum: 'momentum' },
      },
      swap: {
        graph: swap,
        precision,
        reads: { a: 'w', b: 'momentum' },
        writes: { newA: 'w', newB: 'momentum' },
      },
      download: { graph: pass, precision, reads: { from: 'w' }, writes: {} },
    },
  };
}

describe.skipIf(addonFile === undefined)(
  `resident session (${skipReason ?? 'set up for tests'})`,
  () => {
    let binding: TensorflowBinding;
    beforeAll(() => {
      binding = loadUnder(addonFile!, { threads: 2, platform: 'cpu' }, environment);
    });

    const download = (session: ResidentSession): Float32Array => {
      const to = new Float32Array(64);
      session.run('download', {}, { to });
      return to;
    };

    it.each([false, true])('trains on state that stays (floats as int32: %s)', (floatsAsInt32) => {
      const tensors = binding.getNumOfTensors();
      const session = new ResidentSession(binding, model(), { ...options, floatsAsInt32 });
      const target = Float32Array.from({ length: 64 }, (_, i) => Math.sin(i));
      const [w, momentum] = [new Float32Array(64).fill(2), new Float32Array(64)];
      session.run('upload', { from: w });
      session.run('reset', { from: momentum });
      const loss = new Float32Array(1);
      for (let step = 0; step < 10; step++) {
        const expected = target.reduce((sum, value, i) => sum + (w[i]! - value) ** 2, 0);
        session.run('gradient', { target }, { loss });
        expect(loss[0]! / expected).toBeCloseTo(1, 5);
        session.run('apply', { rate: Float32Array.of(0.25) });
        for (let i = 0; i < 64; i++) {
          momentum[i] = Math.fround(momentum[i]! * 0.5 + Math.fround(w[i]! - target[i]!));
          w[i] = w[i]! - Math.fround(momentum[i]! * 0.25);
        }
        download(session).forEach((value, i) => {
          expect(value).toBeCloseTo(w[i]!, 5);
        });
      }
      expect(binding.getNumOfTensors()).toBe(tensors);
      session.dispose();
    });

    it('keeps no hold on arrays it was given: what is written there later changes nothing', () => {
      const session = new ResidentSession(binding, model(), options);
      const memory = new Float32Array(4096);
      for (let offset = 0; offset < 32; offset++) {
        const from = memory.subarray(offset, offset + 64);
        from.fill(1 + offset);
        session.run('upload', { from });
        from.fill(-1);
        expect(download(session)).toEqual(new Float32Array(64).fill(1 + offset));
      }
      session.dispose();
    });

    it('reads every variable before it writes one', () => {
      const session = new ResidentSession(binding, model(), options);
      session.run('upload', { from: new Float32Array(64).fill(1) });
      session.run('reset', { from: new Float32Array(64).fill(2) });
      for (let turn = 0; turn < 20; turn++) {
        session.run('swap', {});
        expect(download(session)[63]).toBe(turn % 2 === 0 ? 2 : 1);
      }
      session.dispose();
    });

    it('names the program and the buffer that is wrong, and a variable never written', () => {
      const session = new ResidentSession(binding, model(), options);
      expect(() => session.run('nothing', {})).toThrow('no resident program "nothing"');
      expect(() => session.run('upload', {})).toThrow('float32 [64] of "from"');
      expect(() => session.run('upload', { from: new Float32Array(3) })).toThrow(
        'Float32Array of 3 values',
      );
      expect(() => download(session)).toThrow(/TensorFlow failed in download/);
      session.dispose();
    });
  },
);
