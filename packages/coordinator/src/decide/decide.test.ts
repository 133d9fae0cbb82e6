import {
  protocolVersion,
  resolvedConfigSchema,
  runFolder,
  type CoordinatorMessage,
  type ResolvedConfig,
  type WorkerMessage,
} from '@microtune/shared';
import { describe, expect, it } from 'vitest';
import { MicrotuneError } from '@microtune/shared';
import type { TrainerState } from '../trainer-state.js';
import { decide } from './decide.js';
import type { EvaluationPlan, RunSpec } from './run-spec.js';
import {
  initialState,
  type Outcome,
  type Reason,
  type RunEvent,
  type RunRecord,
  type RunState,
} from './run-state.js';

type Body = WorkerMessage extends infer M
  ? M extends WorkerMessage
    ? Omit<M, 'protocol' | 'runId' | 'epoch'>
    : never
  : never;

interface SpecOptions {
  config?: Partial<ResolvedConfig>;
  totalSteps?: number;
  /** Evaluation losses in order; the last one repeats. */
  losses?: readonly number[];
  start?: RunSpec['start'];
  existingCheckpoints?: readonly string[];
}

function makeSpec({
  config = {},
  totalSteps = 6,
  losses,
  start,
  existingCheckpoints = [],
}: SpecOptions): RunSpec {
  const resolved = resolvedConfigSchema.parse({
    modelNameOrPath: 'model',
    trainFile: ['train.csv'],
    outputDir: 'run',
    trainBatchSize: 8,
    dataSeed: 42,
    threadsPerWorker: 1,
    engine: 'onnx',
    runName: 'run',
    workers: 2,
    devices: ['cpu'],
    loggingSteps: 2,
    ...config,
  });
  const shards = [
    {
      shape: { rows: 4, tokens: 16, samplesPerRow: 2 },
      rows: [
        [0, 1],
        [2, 3],
        [4, 5],
        [6, 7],
      ],
    },
  ];
  const ranges = Array.from({ length: resolved.workers }, (_, rank) => ({
    from: rank > 0 ? 1 : 0,
    to: 1,
  }));
  let evaluations = 0;
  const evaluation: EvaluationPlan | undefined = losses && {
    shards,
    ranges,
    samples: 8,
    score: () => ({
      loss: losses[Math.min(evaluations++, losses.length - 1)] ?? NaN,
      accuracy: 0.5,
    }),
  };
  return {
    runId: 'r1',
    config: resolved,
    folder: runFolder('run'),
    labels: ['neg', 'pos'],
    dataHash: 'abc',
    stepsOfEpoch: 3,
    totalSteps,
    planAheadSteps: 3,
    deadlines: { joinMs: 60_000, loadMs: 600_000, progressMs: 120_000, settleMs: 500 },
    start,
    existingCheckpoints,
    evaluation,
    sumsHeld: Array<number>(resolved.workers).fill(2),
    planStep: () => ({ shards, ranges, samples: 8, tokens: 100 }),
  };
}

const timings = { engineMs: 8, reduceMs: 1, optimizerMs: 1, totalMs: 11 };

/** A coordinator's decisions with honest workers around it: each obeys its commands in order, one per call of `work`. */
class Bench {
  state: RunState;
  now = 0;
  readonly records: RunRecord[] = [];
  readonly reasons: Reason[] = [];
  readonly sent: { rank: number; message: CoordinatorMessage }[] = [];
  readonly queues: CoordinatorMessage[][];

  constructor(readonly spec: RunSpec) {
    this.state = initialState(spec, 0);
    this.queues = Array.from({ length: spec.config.workers }, () => []);
  }

  event(event: RunEvent): void {
    const before = structuredClone({ ...this.state, spec: undefined, cadence: undefined });
    const old = this.state;
    const decision = decide(this.state, event, this.now);
    expect(
      { ...old, spec: undefined, cadence: undefined },
      'state must not change in place',
    ).toEqual(before);
    this.state = decision.state;
    this.records.push(...decision.records);
    this.reasons.push(...decision.reasons);
    for (const outgoing of decision.messages) {
      this.sent.push(outgoing);
      this.queues[outgoing.rank]?.push(outgoing.message);
    }
  }

  say(rank: number, body: Body): void {
    const envelope = { protocol: protocolVersion as 1, runId: 'r1', epoch: 0 };
    this.event({ type: 'message', rank, message: { ...envelope, ...body } as WorkerMessage });
  }

  hello(rank: number): void {
    this.say(rank, {
      type: 'hello',
      step: 0,
      rank,
      pid: 100 + rank,
      host: 'here',
      bulkEndpoint: `tcp://b:${rank}`,
    });
  }

  /** One worker obeys its next command; false when it has none. */
  workOne(rank: number): boolean {
    const command = this.queues[rank]?.shift();
    if (command === undefined) return false;
    const { step } = command;
    switch (command.type) {
      case 'welcome':
        this.ready(rank);
        break;
      case 'plan':
        this.say(rank, {
          type: 'stepped',
          step,
          lossSum: 8 * (10 - step),
          weight: 8,
          gradientNorm: 1,
          timings,
        });
        break;
      case 'evaluate': {
        const { evaluation } = command;
        const rows = { samples: [], logits: new Uint8Array() };
        this.say(rank, { type: 'evaluated', step, evaluation, lossSum: 0, weight: 0, ...rows });
        break;
      }
      case 'save':
        this.say(rank, {
          type: 'saved',
          step,
          folder: command.folder,
          paramsSha256: 'p',
          stateSha256: 's',
        });
        break;
      case 'restore':
        this.say(rank, { type: 'restored', step, stateSha256: 's' });
        break;
      case 'stop':
        this.event({ type: 'exited', rank, code: 0, signal: undefined, stderr: '' });
        break;
    }
    return true;
  }

  ready(rank: number, stateSha256 = 'same'): void {
    const device = {
      engine: 'onnx',
      engineVersion: '1',
      device: 'cpu',
      precision: 'f32',
      threads: 1,
    } as const;
    const counts = { trainableParameters: 10, totalParameters: 10, notes: [] };
    this.say(rank, { type: 'ready', step: 0, device, ...counts, stateSha256 });
  }

  join(): this {
    this.queues.forEach((_, rank) => this.hello(rank));
    this.queues.forEach((_, rank) => this.workOne(rank));
    return this;
  }

  work(until: () => boolean = () => false): this {
    let busy = true;
    while (busy && !until()) busy = this.queues.map((_, rank) => this.workOne(rank)).includes(true);
    return this;
  }

  get outcome(): Outcome | undefined {
    return this.records.flatMap((record) =>
      record.type === 'finished' ? [record.outcome] : [],
    )[0];
  }

  commands(rank = 0): string[] {
    return this.sent
      .filter((outgoing) => outgoing.rank === rank)
      .map(({ message }) => {
        if (message.type === 'save') return `save ${message.folder}`;
        return message.type === 'plan' || message.type === 'evaluate'
          ? `${message.type} ${message.step}`
          : message.type;
      });
  }
}

const bench = (options: SpecOptions = {}): Bench => new Bench(makeSpec(options));

describe('an undisturbed run', () => {
  it('trains, saves a last checkpoint and the model, and stops its workers', () => {
    const run = bench({ totalSteps: 4 }).join().work();
    expect(run.commands(0)).toEqual([
      'welcome',
      'plan 1',
      'plan 2',
      'plan 3',
      'plan 4',
      'save run/checkpoint-4',
      'save run',
      'stop',
    ]);
    expect(run.commands(1)).toEqual(['welcome', 'plan 1', 'plan 2', 'plan 3', 'plan 4', 'stop']);
    expect(run.outcome).toEqual({ status: 'completed', error: undefined });
  });

  it('welcomes nobody before all are there', () => {
    const run = bench();
    run.hello(1);
    expect(run.sent).toEqual([]);
    run.hello(0);
    expect(run.sent.map(({ message }) => message.type)).toEqual(['welcome', 'welcome']);
    expect(run.sent[1]?.message).toMatchObject({
      peers: [
        { rank: 0, bulkEndpoint: 'tcp://b:0' },
        { rank: 1, bulkEndpoint: 'tcp://b:1' },
      ],
    });
  });

  it('sends plans at most three steps ahead of the slowest worker', () => {
    const run = bench({ totalSteps: 20 }).join();
    expect(run.commands(0).filter((c) => c.startsWith('plan'))).toHaveLength(3);
    run.workOne(0);
    run.workOne(0);
    expect(run.state.planned).toBe(3);
    run.workOne(1);
    expect(run.state).toMatchObject({ stepped: 1, planned: 4 });
  });

  it('writes one line per step and logs the mean loss since the last log', () => {
    const run = bench({ totalSteps: 4, config: { loggingFirstStep: true } })
      .join()
      .work();
    const lines = run.records.flatMap((r) => (r.type === 'step' ? [r.line] : []));
    expect(lines.map((line) => [line.step, line.loss])).toEqual([
      [1, 9],
      [2, 8],
      [3, 7],
      [4, 6],
    ]);
    const logged = run.records.flatMap((r) => (r.type === 'log' ? [r.entry] : []));
    expect(logged.map((entry) => [entry['step'], entry['loss']])).toEqual([
      [1, 9],
      [2, 8],
      [4, 6.5],
    ]);
    expect(run.state.logHistory).toEqual(logged);
    expect(run.state).toMatchObject({ samplesSeen: 32, tokensSeen: 400, lossTotal: 30 });
  });
});

describe('evaluation and checkpoints', () => {
  it('pauses for an evaluation and sends no plan beyond it before the result', () => {
    const run = bench({
      config: { evalStrategy: 'steps', evalSteps: 2, saveStrategy: 'no' },
      losses: [1],
    }).join();
    expect(run.state.planned).toBe(2);
    run.work();
    expect(run.commands(1)).toEqual([
      'welcome',
      'plan 1',
      'plan 2',
      'evaluate 2',
      'plan 3',
      'plan 4',
      'evaluate 4',
      'plan 5',
      'plan 6',
      'evaluate 6',
      'stop',
    ]);
    const entries = run.records.flatMap((r) => (r.type === 'evaluation' ? [r.entry] : []));
    expect(entries[0]).toMatchObject({ eval_loss: 1, eval_accuracy: 0.5, step: 2, epoch: 2 / 3 });
  });

  it('evaluates by epoch, at the start when asked, and always at the end', () => {
    const run = bench({
      totalSteps: 5,
      config: { evalStrategy: 'epoch', evalOnStart: true, saveStrategy: 'no' },
      losses: [1],
    });
    run.join().work();
    expect(run.commands(0).filter((c) => c.startsWith('evaluate'))).toEqual([
      'evaluate 0',
      'evaluate 3',
      'evaluate 5',
    ]);
  });

  it('evaluates once more at the end even with eval_strategy no', () => {
    const run = bench({ losses: [1] })
      .join()
      .work();
    expect(run.commands(0).filter((c) => c.startsWith('evaluate'))).toEqual(['evaluate 6']);
  });

  it('keeps save_total_limit checkpoints and removes the oldest only when a newer one is whole', () => {
    const run = bench({ config: { saveSteps: 2, saveTotalLimit: 2 } })
      .join()
      .work();
    const kinds = run.records.flatMap((r) =>
      r.type === 'saved' || r.type === 'remove' ? [`${r.type} ${r.folder}`] : [],
    );
    expect(kinds).toEqual([
      'saved run/checkpoint-2',
      'saved run/checkpoint-4',
      'saved run/checkpoint-6',
      'remove run/checkpoint-2',
      'saved run',
    ]);
  });

  it('writes the trainer state of exactly the moment of the checkpoint', () => {
    const run = bench({
      config: { saveSteps: 2, evalStrategy: 'steps', evalSteps: 2 },
      losses: [3, 2, 1],
    });
    run.join().work();
    const save = run.sent.find(({ message }) => message.type === 'save')?.message;
    expect(save).toMatchObject({
      folder: 'run/checkpoint-2',
      trainerState: { global_step: 2, best_metric: 3, max_steps: 6 },
    });
    const history = (save as unknown as { trainerState: TrainerState }).trainerState.log_history;
    expect(history.map((entry) => entry['loss'] ?? entry['eval_loss'])).toEqual([8.5, 3]);
  });

  it('saves the best weights, returns to them at the end, and reports their metrics', () => {
    const config = {
      evalStrategy: 'steps',
      evalSteps: 2,
      saveStrategy: 'no',
      loadBestModelAtEnd: true,
    } as const;
    const run = bench({ config, losses: [3, 1, 2] })
      .join()
      .work();
    expect(run.commands(0).filter((c) => /save|restore/.test(c))).toEqual([
      'save run/best',
      'save run/best',
      'restore',
      'save run',
    ]);
    expect(run.commands(1)).toContain('restore');
    expect(run.state.metrics).toMatchObject({ loss: 1 });
    expect(run.state.best?.step).toBe(4);
  });

  it('does not restore when the last evaluation is the best', () => {
    const config = {
      evalStrategy: 'steps',
      evalSteps: 3,
      saveStrategy: 'no',
      loadBestModelAtEnd: true,
    } as const;
    const run = bench({ config, losses: [3, 1] })
      .join()
      .work();
    expect(run.commands(0)).not.toContain('restore');
    expect(run.outcome?.status).toBe('completed');
  });

  it('saves a checkpoint for each better evaluation with save_strategy best', () => {
    const config = { evalStrategy: 'steps', evalSteps: 2, saveStrategy: 'best' } as const;
    const run = bench({ config, losses: [3, 4, 1] })
      .join()
      .work();
    expect(run.commands(0).filter((c) => c.startsWith('save'))).toEqual([
      'save run/checkpoint-2',
      'save run/checkpoint-6',
      'save run',
    ]);
  });

  it('stops early when the patience is used up', () => {
    const config = {
      evalStrategy: 'steps',
      evalSteps: 1,
      saveStrategy: 'no',
      earlyStoppingPatience: 2,
    } as const;
    const run = bench({ config, losses: [1, 2, 0.95, 2, 2, 2], totalSteps: 10 })
      .join()
      .work();
    expect(run.state).toMatchObject({ stepped: 5, stoppedEarly: true });
    expect(run.outcome?.status).toBe('completed');
    expect(run.reasons).toContainEqual({
      code: 'stopped_early',
      text: expect.stringContaining('stopping early at step 5') as string,
    });
  });

  it('counts only improvements above the threshold for early stopping', () => {
    const config = {
      evalStrategy: 'steps',
      evalSteps: 1,
      saveStrategy: 'no',
      earlyStoppingPatience: 2,
      earlyStoppingThreshold: 0.1,
    } as const;
    const run = bench({ config, losses: [1, 0.95, 0.91], totalSteps: 10 })
      .join()
      .work();
    expect(run.state.stepped).toBe(3);
  });

  it('takes metrics where greater is better, and refuses one that does not exist', () => {
    const config = {
      evalStrategy: 'steps',
      evalSteps: 2,
      saveStrategy: 'no',
      metricForBestModel: 'eval_accuracy',
    } as const;
    expect(
      bench({ config, losses: [1] })
        .join()
        .work().state.best,
    ).toMatchObject({ value: 0.5, step: 2 });
    const wrong = bench({ config: { ...config, metricForBestModel: 'bleu' }, losses: [1] })
      .join()
      .work();
    expect(wrong.outcome?.error).toMatchObject({ code: 'usage' });
    expect(wrong.outcome?.error?.message).toContain('loss, accuracy');
  });
});

describe('stop requests', () => {
  it('finishes the planned steps, saves, stops: SIGINT', () => {
    const run = bench({ totalSteps: 20 }).join();
    run.work(() => run.state.stepped >= 5);
    run.event({ type: 'stop-requested', request: 'interrupted' });
    const planned = run.state.planned;
    run.work();
    expect(run.state.stepped).toBe(planned);
    expect(run.commands(0).slice(-2)).toEqual([`save run/checkpoint-${planned}`, 'stop']);
    expect(run.outcome).toEqual({ status: 'interrupted', error: undefined });
  });

  it('does the evaluation that is due at the stop, so that a resumed run repeats nothing: SIGTERM', () => {
    const config = { evalStrategy: 'steps', evalSteps: 3, saveStrategy: 'no' } as const;
    const run = bench({ config, losses: [1] }).join();
    run.event({ type: 'stop-requested', request: 'terminated' });
    run.work();
    expect(run.commands(0).slice(-3)).toEqual(['evaluate 3', 'save run/checkpoint-3', 'stop']);
    expect(run.outcome?.status).toBe('terminated');
  });

  it('stops at once while nothing is trained yet', () => {
    const run = bench();
    run.hello(0);
    run.event({ type: 'stop-requested', request: 'interrupted' });
    expect(run.outcome?.status).toBe('interrupted');
    expect(run.commands(1)).toEqual(['stop']);
  });

  it('waits for the checkpoint to be whole before it stops', () => {
    const run = bench({ totalSteps: 20 }).join();
    run.event({ type: 'stop-requested', request: 'interrupted' });
    run.work(() => run.commands(0).some((c) => c.startsWith('save')));
    expect(run.outcome).toBeUndefined();
    run.workOne(0);
    expect(run.outcome?.status).toBe('interrupted');
  });

  it('completes when the stop comes after the last step', () => {
    const run = bench({ losses: [1] }).join();
    run.work(() => run.commands(0).includes('save run'));
    run.event({ type: 'stop-requested', request: 'interrupted' });
    run.work();
    expect(run.outcome?.status).toBe('completed');
  });
});

describe('going on from a checkpoint', () => {
  const startOf = (totalSteps: number, stopAfter: number): NonNullable<RunSpec['start']> => {
    const run = bench({ totalSteps }).join();
    run.work(() => run.state.stepped >= stopAfter);
    run.event({ type: 'stop-requested', request: 'interrupted' });
    run.work();
    const save = run.sent.map(({ message }) => message).find((message) => message.type === 'save');
    if (save?.type !== 'save') throw new MicrotuneError('internal', 'no checkpoint was written');
    return { checkpoint: save.folder, state: save.trainerState as unknown as TrainerState };
  };

  it('goes on with the next step and ends with the log of an undisturbed run, also with other workers', () => {
    const whole = bench({ totalSteps: 12 }).join().work();
    const start = startOf(12, 4);
    const resumed = bench({ totalSteps: 12, start, config: { workers: 3 } }).join();
    expect(resumed.sent[0]?.message).toMatchObject({
      type: 'welcome',
      checkpoint: start.checkpoint,
    });
    resumed.work();
    expect(resumed.commands(2)[1]).toBe(`plan ${start.state.global_step + 1}`);
    expect(resumed.state.logHistory).toEqual(whole.state.logHistory);
    expect(resumed.state).toMatchObject({
      lossTotal: whole.state.lossTotal,
      tokensSeen: whole.state.tokensSeen,
    });
  });

  it.each([
    ['run/checkpoint-2', '--resume_from_checkpoint run/checkpoint-2'],
    ['run/checkpoint-9', 'without --resume_from_checkpoint'],
  ])('says what to do about a checkpoint that is cut short, with %s beside it', (other, advice) => {
    const start = startOf(12, 4);
    const existingCheckpoints = [other, start.checkpoint].sort();
    const run = bench({ totalSteps: 12, start, existingCheckpoints });
    run.hello(0);
    run.hello(1);
    const reason = `${start.checkpoint}/model.safetensors: the file is cut short`;
    run.say(0, { type: 'failed', step: 0, code: 'data', reason });
    run.now += 600;
    run.event({ type: 'tick' });
    expect(run.outcome?.error?.message).toContain(advice);
  });

  it('only saves the model when the checkpoint is of the last step', () => {
    const start = startOf(12, 4);
    const run = bench({ totalSteps: start.state.global_step, start }).join().work();
    expect(run.commands(0)).toEqual(['welcome', 'save run', 'stop']);
  });
});

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
    expect(run.commands(1).at(-1)).toBe('stop');
    run.event({ type: 'exited', rank: 1, code: undefined, signal: 'SIGKILL', stderr: '' });
    run.event({ type: 'exited', rank: 0, code: 75, signal: undefined, stderr: '' });
    expect(run.outcome).toMatchObject({ status: 'failed', error: { code: 'transient' } });
    expect(run.outcome?.error?.message).toContain('worker 1, step 5: was killed by SIGKILL');
  });

  it('tells from which checkpoint to go on', () => {
    const run = bench({ totalSteps: 20, config: { saveSteps: 2 } }).join();
    run.work(() => run.state.stepped >= 5);
    run.event({ type: 'exited', rank: 1, code: undefined, signal: 'SIGKILL', stderr: '' });
    run.now += 600;
    run.event({ type: 'tick' });
    expect(run.outcome?.error?.message).toContain('--resume_from_checkpoint run/checkpoint-4');
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

  it('stops when a worker shows no progress, and names the one that does not wait for others', () => {
    const run = bench({ totalSteps: 20 }).join();
    run.now = 1000;
    run.say(0, { type: 'progress', step: 1, phase: 'all-reduce of step 1' });
    run.say(1, { type: 'progress', step: 1, phase: 'compiling 8 x 16' });
    run.now = 100_000;
    run.event({ type: 'tick' });
    expect(run.state.phase).toBe('training');
    run.now = 122_000;
    run.event({ type: 'tick' });
    run.now += 600;
    run.event({ type: 'tick' });
    expect(run.outcome?.error?.message).toContain(
      'worker 1, step 1: no sign of progress for 121 s, last seen: compiling 8 x 16',
    );
  });

  it('does not count repeated signs of the same phase as progress', () => {
    const run = bench({ totalSteps: 20 }).join();
    for (run.now = 0; run.now < 130_000; run.now += 1000) {
      run.say(0, { type: 'progress', step: 1, phase: 'shard 0' });
      run.event({ type: 'tick' });
    }
    expect(run.outcome?.error?.message).toContain('no sign of progress');
  });

  it('gives up when a worker does not join', () => {
    const run = bench();
    run.hello(0);
    run.now = 61_000;
    run.event({ type: 'tick' });
    run.now += 600;
    run.event({ type: 'tick' });
    expect(run.outcome?.error?.message).toContain('worker 1, before the first step');
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
