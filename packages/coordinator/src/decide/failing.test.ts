import { protocolVersion } from '@microtune/shared';
import { describe, expect, it } from 'vitest';
import { bench, timings } from './testing/bench.js';

describe('failures', () => {
  it('names a killed worker, not the peers that complained about it first', () => {
    const run = bench({ totalSteps: 20 }).join();
    run.work(() => run.state.stepped >= 4);
    run.say(0, {
      type: 'failed',
      step: 5,
      code: 'transient',
      reason: 'connection to rank 1 closed',
    });
    expect(run.commands(1).at(-1)).toBe('halt');
    run.event({ type: 'exited', rank: 1, code: undefined, signal: 'SIGKILL', stderr: '' });
    run.event({ type: 'exited', rank: 0, code: 75, signal: undefined, stderr: '' });
    expect(run.outcome).toMatchObject({ status: 'failed', error: { code: 'transient' } });
    expect(run.outcome?.error?.message).toContain('worker 1, step 5: was killed by SIGKILL');
  });

  it('tells from which checkpoint to go on where nobody is left to save', () => {
    const run = bench({ totalSteps: 20, config: { saveSteps: 2 } }).join();
    run.work(() => run.state.stepped >= 5);
    for (const rank of [1, 0])
      run.event({ type: 'exited', rank, code: undefined, signal: 'SIGKILL', stderr: '' });
    expect(run.outcome?.error?.message).toContain(
      '--resume_from_checkpoint true to go on from run/checkpoint-4',
    );
  });

  it('takes the code of the worker that reports', () => {
    const run = bench();
    run.hello(0);
    run.hello(1);
    run.say(1, { type: 'failed', step: 0, code: 'data', reason: 'model.safetensors is cut short' });
    run.event({ type: 'exited', rank: 1, code: 65, signal: undefined, stderr: '' });
    run.workOne(0);
    run.event({ type: 'exited', rank: 0, code: 0, signal: undefined, stderr: '' });
    expect(run.outcome?.error).toEqual({
      code: 'data',
      message: 'worker 1, before the first step: model.safetensors is cut short',
    });
  });

  it('shows the last words of a worker that ends without a report', () => {
    const run = bench();
    run.event({
      type: 'exited',
      rank: 0,
      code: 1,
      signal: undefined,
      stderr: 'Cannot find module\n',
    });
    run.now += 600;
    run.event({ type: 'tick' });
    expect(run.outcome?.error).toMatchObject({ code: 'internal' });
    expect(run.outcome?.error?.message).toContain(
      'exited with code 1; its last lines: Cannot find module',
    );
  });

  it('stops when the workers loaded different weights', () => {
    const run = bench();
    run.hello(0);
    run.hello(1);
    run.ready(0, 'aaaa');
    run.ready(1, 'bbbb');
    run.now += 600;
    run.event({ type: 'tick' });
    expect(run.outcome?.error).toMatchObject({ code: 'data' });
    expect(run.outcome?.error?.message).toContain('other weights than worker 0');
  });

  it('stops when the reports of a step differ', () => {
    const run = bench({ totalSteps: 20 }).join();
    const body = { type: 'stepped', step: 1, weight: 8, gradientNorm: 1, timings } as const;
    run.say(0, { ...body, lossSum: 8 });
    run.say(1, { ...body, lossSum: 8.0000001 });
    run.now += 600;
    run.event({ type: 'tick' });
    expect(run.outcome?.error).toMatchObject({ code: 'internal' });
  });

  it('stops for bytes that follow no schema and for messages of another run', () => {
    const garbled = bench();
    garbled.event({ type: 'invalid', rank: 1, reason: 'not msgpack' });
    garbled.now += 600;
    garbled.event({ type: 'tick' });
    expect(garbled.outcome?.error).toMatchObject({ code: 'transient' });
    const foreign = bench();
    foreign.event({
      type: 'message',
      rank: 0,
      message: {
        type: 'progress',
        protocol: protocolVersion,
        runId: 'other',
        epoch: 0,
        step: 0,
        phase: 'x',
      },
    });
    expect(foreign.state.phase).toBe('failing');
  });
});

describe('messages that their sender had no cause to send', () => {
  const saved = { type: 'saved', step: 4, paramsSha256: 'p', stateSha256: 's' } as const;

  it.each<[string, (run: ReturnType<typeof bench>) => void]>([
    ['a hello in training', (run) => run.hello(1)],
    ['"ready" while', (run) => run.ready(1)],
    ['"saved" of run', (run) => run.say(1, { ...saved, folder: 'run' })],
    ['"restored" while', (run) => run.say(1, { type: 'restored', step: 4, stateSha256: 's' })],
    ['"halted"', (run) => run.say(1, { type: 'halted', step: 4, holdsStep: 4 })],
    [
      'rows of evaluation 7',
      (run) => {
        run.say(1, { type: 'evaluated', step: 4, evaluation: 7, digests: [] });
      },
    ],
    [
      'a report of step 9, expected',
      (run) =>
        run.say(1, { type: 'stepped', step: 9, lossSum: 1, weight: 8, gradientNorm: 1, timings }),
    ],
  ])('end the run and blame it: %s', (text, say) => {
    const run = bench({ totalSteps: 20 }).join();
    run.work(() => run.state.stepped >= 4);
    say(run);
    const [sign] = run.state.failure?.signs ?? [];
    expect(sign).toMatchObject({ rank: 1, kind: 'protocol', code: 'transient' });
    expect(sign?.reason).toContain(text.replace('in training', 'of rank 1, a second one'));
  });

  it('an answer to an evaluation counts once for each rank, and scores in the order of ranks', () => {
    const seen: number[][][] = [];
    const run = bench({ losses: [1], totalSteps: 2, config: { workers: 3 } });
    const { evaluation } = run.spec;
    const score = evaluation!.score.bind(evaluation);
    Object.assign(evaluation!, {
      score: (digests: Parameters<typeof score>[0]) => {
        seen.push(digests.map((digest) => [...digest]));
        return score(digests);
      },
    });
    run.join().work(() => run.state.evaluation !== undefined);
    for (const rank of [2, 0, 1])
      run.say(rank, { type: 'evaluated', step: 2, evaluation: 0, digests: [Uint8Array.of(rank)] });
    expect(seen).toEqual([[[0], [1], [2]]]);
  });

  it('are passed over when a stranger sends them', () => {
    const run = bench({ totalSteps: 4 }).join();
    for (let i = 0; i < 10; i++)
      run.event({ type: 'invalid', rank: i % 2 ? undefined : 7, reason: 'not msgpack' });
    expect(run.reasons.filter(({ code }) => code === 'stranger')).toHaveLength(5);
    run.work();
    expect(run.outcome?.status).toBe('completed');
  });
});

describe('a worker whose heap is full', () => {
  it('is out of memory, in words and with what to do (E24)', () => {
    const run = bench({ totalSteps: 20 }).join();
    const stderr =
      '<--- Last few GCs --->\nFATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory\n';
    run.event({ type: 'exited', rank: 1, code: undefined, signal: 'SIGABRT', stderr });
    run.wait(20_000);
    expect(run.outcome?.error?.message).toMatch(
      /worker 1, step 1: out of memory: .*max-old-space-size/,
    );
    expect(run.outcome?.error?.message).not.toContain('FATAL');
  });
});
