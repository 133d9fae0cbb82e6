/** The coordinator's decisions with honest workers around it, for tests. */
import { isDeepStrictEqual } from 'node:util';
import {
  assert,
  protocolVersion,
  resolvedConfigSchema,
  runFolder,
  type CoordinatorMessage,
  type ResolvedConfig,
  type WorkerMessage,
} from '@microtune/shared';
import { decide } from '../decide.js';
import type { Deadlines, EvaluationPlan, RunSpec } from '../run-spec.js';
import {
  initialState,
  type Activity,
  type Outcome,
  type Reason,
  type RunEvent,
  type RunRecord,
  type RunState,
} from '../run-state.js';

type Body = WorkerMessage extends infer M
  ? M extends WorkerMessage
    ? Omit<M, 'protocol' | 'runId' | 'epoch'>
    : never
  : never;

const deadlines: Deadlines = {
  joinMs: 60_000,
  loadMs: 600_000,
  hangMs: 60_000,
  hangSteps: 10,
  busyMs: 3_600_000,
  tellMs: { stopped: 3000, idle: 6000, busy: 30_000 },
  ownPauseMs: 5000,
  haltMs: 10_000,
  settleMs: 500,
};

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
    maxSeqLength: 128,
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
    task: { kind: 'sequence-classification', labels: ['neg', 'pos'] },
    dataHash: 'abc',
    stepsOfEpoch: 3,
    totalSteps,
    planAheadSteps: 3,
    deadlines,
    start,
    existingCheckpoints,
    evaluation,
    sumsHeld: Array<number>(resolved.workers).fill(2),
    planStep: () => ({ shards, ranges, samples: 8, tokens: 100 }),
  };
}

export const timings = { engineMs: 8, reduceMs: 1, optimizerMs: 1, totalMs: 11 };

/** A coordinator's decisions with honest workers around it: each obeys its commands in order, one per call of `work`. */
export class Bench {
  state: RunState;
  now = 0;
  readonly records: RunRecord[] = [];
  readonly reasons: Reason[] = [];
  readonly sent: { rank: number; message: CoordinatorMessage }[] = [];
  readonly queues: CoordinatorMessage[][];
  /** The step whose state each worker holds. */
  readonly held: (number | undefined)[];
  /** What each worker's process does. */
  readonly activities: Activity[];

  constructor(readonly spec: RunSpec) {
    this.state = initialState(spec, 0);
    this.queues = Array.from({ length: spec.config.workers }, () => []);
    this.held = this.queues.map(() => this.state.stepped);
    this.activities = this.queues.map(() => 'idle');
  }

  event(event: RunEvent): void {
    const before = structuredClone({ ...this.state, spec: undefined, cadence: undefined });
    const old = this.state;
    const decision = decide(this.state, event, this.now);
    const after = { ...old, spec: undefined, cadence: undefined };
    assert(isDeepStrictEqual(after, before), 'the state changed in place');
    this.state = decision.state;
    this.records.push(...decision.records);
    this.reasons.push(...decision.reasons);
    for (const outgoing of decision.messages) {
      this.sent.push(outgoing);
      const queue = this.queues[outgoing.rank];
      if (outgoing.message.type === 'halt') queue?.splice(0);
      queue?.push(outgoing.message);
    }
  }

  /** Time passes, with a look every 200 ms; workers in `alive` repeat their phase every second. */
  wait(ms: number, alive: readonly number[] = []): this {
    for (const until = this.now + ms; this.now < until && this.outcome === undefined;) {
      this.now += 200;
      for (const rank of this.now % 1000 === 0 ? alive : []) {
        const { phase, phaseStep: step } = this.state.members[rank]!;
        this.say(rank, { type: 'progress', step, phase });
      }
      this.event({ type: 'tick', activities: this.activities });
    }
    return this;
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
        this.held[rank] = step;
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
        this.say(rank, { type: 'evaluated', step, evaluation, digests: [] });
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
      case 'halt':
        this.say(rank, { type: 'halted', step, holdsStep: this.held[rank] });
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

export const bench = (options: SpecOptions = {}): Bench => new Bench(makeSpec(options));
