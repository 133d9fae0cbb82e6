import { Writable } from 'node:stream';
import type { RunNews, Summary } from '@microtune/coordinator';
import { describe, expect, it } from 'vitest';
import type { Environment } from '../environment.js';
import { progressLine } from './progress-line.js';
import { summaryText } from './summary-text.js';
import { jsonTrainView, textTrainView } from './train-view.js';

/** A view with what it has written, on a clock that the test moves. */
const viewOf = (make: typeof textTrainView, { terminal = false, columns = 80 } = {}) => {
  const written = { stdout: '', stderr: '' };
  const sink = (name: 'stdout' | 'stderr') =>
    new Writable({ write: (chunk: Buffer, _, done) => ((written[name] += String(chunk)), done()) });
  const time = { ms: 0 };
  const environment = { stdout: sink('stdout'), stderr: sink('stderr'), terminal, columns };
  const clock = { now: () => time.ms, timestamp: () => '2026-01-01T00:00:00.000Z' };
  return { view: make(environment as unknown as Environment, clock), written, time };
};

const opened: RunNews = {
  type: 'opened',
  runId: 'r1',
  totalSteps: 142,
  trainBatchSize: 8,
  stepsDone: 0,
  stepsPerEpoch: 10,
  trainSamples: 80,
  evaluationSamples: 0,
  labels: ['a', 'b'],
};
const stepNews = (step: number): RunNews => ({
  type: 'step',
  line: {
    step,
    epoch: step / 10,
    loss: 0.5,
    learning_rate: 5e-5,
    grad_norm: 1,
    samples: 8,
    tokens: 100,
  },
  totalSteps: 142,
  stepMs: 12.5,
});

const summary: Summary = {
  run: 'run',
  started_at: '',
  ended_at: '',
  microtune_version: '0',
  node_version: '20',
  command_line: undefined,
  status: 'completed',
  steps: 200,
  total_steps: 1000,
  samples: 1600,
  tokens: 1,
  epochs: 4,
  train_loss: 0.1,
  eval: { loss: 0.25 },
  best_step: 150,
  restored_best: true,
  stopped_early: true,
  resumed_from: undefined,
  checkpoint: undefined,
  workers: 1,
  threads_per_worker: 1,
  engine: 'onnx',
  engine_version: '1',
  precision: 'f32',
  device: 'cpu',
  gpus: [],
  trainable_parameters: 1,
  total_parameters: 1,
  tokens_per_second: 1,
  step_ms: { p50: 1, p95: 1 },
  step_parts_ms: { engine: 1, reduce: 1, optimizer: 1, other: 1 },
  train_seconds: 1,
  first_step_seconds: 1,
  wall_seconds: 1,
  peak_memory_bytes: undefined,
  params_sha256: undefined,
  state_sha256: undefined,
  faults: 0,
};

describe('the closing table', () => {
  it('tells an early stop, out of how many steps, and whose weights are kept (E20)', () => {
    const text = summaryText(summary, 'runs/a');
    expect(text).toContain('completed, stopped early');
    expect(text).toContain('200 of 1,000 (4 of 20 epochs)');
    expect(text).toContain('150, whose weights are the result');
    const whole = { ...summary, steps: 1000, epochs: 20, stopped_early: false };
    expect(summaryText(whole, 'runs/a')).toContain('1,000 (20 epochs)');
  });

  it('puts what is copied from the screen below itself, in one piece (E29)', () => {
    const checkpoint = `${'deep/'.repeat(30)}checkpoint-142`;
    const text = summaryText({ ...summary, status: 'interrupted', checkpoint }, 'runs/a');
    expect(text.split('\n').at(-1)).toBe(`go on with: --resume_from_checkpoint ${checkpoint}`);
    const table = text.split('\n').filter((line) => /[│┌└]/.test(line));
    expect(Math.max(...table.map((line) => line.length))).toBeLessThan(80);
  });
});

describe('the progress line', () => {
  const progress = {
    step: 3120,
    totalSteps: 25_256,
    loss: 0.3456,
    learningRate: 4.5e-5,
    tokensPerSecond: 17_812,
    remainingSeconds: 7800,
  };

  it('keeps its bar at 80 columns, and fits any width (E29)', () => {
    expect(progressLine(progress, 80)).toBe(
      'step 3120/25256  [#-----------]  loss 0.3456  17,812 tokens/s  ETA 2 h 10 min',
    );
    for (let columns = 1; columns < 200; columns++)
      expect(progressLine(progress, columns).length).toBeLessThan(Math.max(2, columns));
  });
});

describe('the view for people', () => {
  it('never shows an older step beside a checkpoint (E29)', () => {
    const { view, written, time } = viewOf(textTrainView, { terminal: true });
    view.news(opened);
    for (const step of [139, 140, 141, 142]) {
      time.ms += 5;
      view.news(stepNews(step - 1));
    }
    view.news({ type: 'saved', kind: 'checkpoint', folder: 'run/checkpoint-141' });
    expect(written.stdout.split('\r').at(-1)).toContain('step 141/142');
  });

  it('prints the global batch before training, and an early stop when it happens', () => {
    const { view, written } = viewOf(textTrainView);
    view.news(opened);
    view.news({ type: 'reason', code: 'stopped_early', text: 'stopping early at step 8' });
    view.news({ type: 'reason', code: 'saved', text: 'wrote a' });
    expect(written.stdout).toBe(
      '80 rows to train; 142 steps of 8 rows\nstopping early at step 8\n',
    );
  });
});

describe('the view for programs', () => {
  it('begins with the version of its schema; steps carry time, speed and ETA; notes and reasons codes (E30)', () => {
    const { view, written, time } = viewOf(jsonTrainView);
    view.news(opened);
    view.news(stepNews(1));
    time.ms = 50;
    view.news(stepNews(2));
    view.news({ type: 'note', code: 'data', text: 'x' });
    view.news({ type: 'reason', code: 'saved', text: 'wrote a' });
    const lines = written.stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown);
    expect(lines).toMatchObject([
      {
        type: 'start',
        schema_version: 1,
        microtune_version: expect.stringMatching(/^\d/) as string,
      },
      { type: 'opened', run_id: 'r1', total_steps: 142, train_batch_size: 8 },
      { type: 'step', step: 1, step_ms: 12.5 },
      { type: 'step', step: 2, step_ms: 12.5, tokens_per_second: 2000, eta_seconds: 7 },
      { type: 'note', code: 'data', text: 'x' },
      { type: 'reason', code: 'saved', text: 'wrote a' },
    ]);
  });
});
