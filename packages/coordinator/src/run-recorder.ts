/** Writes down what happens: metrics.jsonl, events.jsonl, the log, the figures of the summary; and tells the observer. */
import { labelsOf, type Clock, type ResolvedConfig } from '@microtune/shared';
import type { Logger } from '@microtune/shared/logging';
import type { Outcome, Reason, RunRecord, RunState } from './decide/run-state.js';
import type { MemoryMeter } from './memory-meter.js';
import { notesOf } from './note.js';
import type { OpenedRun } from './open-run.js';
import { openLineFile, type LineFile } from './run-files.js';
import type { RunObserver } from './run-observer.js';
import { removeCheckpoint, type RunPlace } from './run-place.js';
import { createStepStatistics } from './step-statistics.js';
import { summarize, type Program, type Summary, type SummaryFacts } from './summary.js';

export interface RunRecorder {
  opened(run: OpenedRun): void;
  measureMemory(meter: MemoryMeter): void;
  record(record: RunRecord, state: RunState): void;
  explain(reason: Reason, state: RunState): void;
  summarize(state: RunState | undefined, outcome: Outcome): Summary;
  /** All workers have been ready: what there is to write down begins here. */
  readonly hasBegun: boolean;
  readonly summarized: boolean;
  close(): void;
}

export interface RecorderContext {
  readonly program: Program;
  readonly clock: Clock;
  readonly startedAt?: number;
  readonly runId: string;
  /** Where the run's files are written. */
  readonly place: RunPlace;
  readonly logger: Logger;
  readonly observe: RunObserver;
}

export function createRunRecorder(config: ResolvedConfig, context: RecorderContext): RunRecorder {
  const { clock, logger, observe, place } = context;
  const startedAt = context.startedAt ?? clock.now();
  const startedAtTime = earlier(clock.timestamp(), clock.now() - startedAt);
  const events = openLineFile(place.folder.events);
  let metrics: LineFile | undefined;
  const statistics = createStepStatistics();
  let memory: MemoryMeter | undefined;
  let ready: SummaryFacts['ready'];
  let firstStepSeconds: number | undefined;
  let summarized = false;

  const note = (step: number, { code, text }: Reason): void => {
    events.write({ time: clock.timestamp(), step, code, reason: text });
    logger.info(text, { step });
  };

  const write = (record: RunRecord, state: RunState): void => {
    const now = clock.now();
    switch (record.type) {
      case 'ready':
        metrics = openLineFile(place.folder.metrics);
        ready = record;
        statistics.begin(now);
        observe(record);
        return notesOf('model', record.notes).forEach((each) => observe({ type: 'note', ...each }));
      case 'step': {
        const slowest = record.timings.reduce((a, b) => (b.totalMs > a.totalMs ? b : a));
        firstStepSeconds ??= (now - startedAt) / 1000;
        statistics.add({ ...record.line, timings: record.timings }, now);
        metrics?.write({ ...record.line, ...rounded(slowest) });
        const { totalSteps } = state.spec;
        return observe({ type: 'step', line: record.line, totalSteps, stepMs: slowest.totalMs });
      }
      case 'evaluation':
        statistics.begin(now);
        metrics?.write(record.entry);
        return observe(record);
      case 'remove':
        note(state.stepped, {
          code: 'checkpoint_removed',
          text: `removed ${record.folder}: save_total_limit is ${config.saveTotalLimit}`,
        });
        return removeCheckpoint(place.toDisk(record.folder));
      case 'log':
      case 'note':
      case 'saved':
        return observe(record);
      case 'finished':
        return;
    }
  };

  return {
    opened: (run) => {
      const { spec, notes, trainSamples, evaluationSamples } = run;
      const stepsDone = spec.start?.state.global_step ?? 0;
      note(stepsDone, {
        code: 'run_opened',
        text: `run ${spec.runId}: steps ${stepsDone + 1} to ${spec.totalSteps}, ${trainSamples} samples`,
      });
      const { runId, totalSteps, stepsOfEpoch: stepsPerEpoch } = spec;
      observe({
        type: 'opened',
        runId,
        totalSteps,
        trainBatchSize: config.trainBatchSize,
        stepsDone,
        stepsPerEpoch,
        trainSamples,
        evaluationSamples,
        labels: labelsOf(spec.task),
      });
      for (const each of notes) {
        note(stepsDone, { code: 'note', text: each.text });
        observe({ type: 'note', ...each });
      }
    },
    measureMemory: (meter) => {
      memory = meter;
    },
    record: write,
    explain: (reason, state) => {
      note(state.stepped, reason);
      observe({ type: 'reason', ...reason });
    },
    summarize: (state, outcome) => {
      summarized = true;
      return summarize({
        config,
        program: context.program,
        startedAt: startedAtTime,
        endedAt: clock.timestamp(),
        state,
        outcome,
        ready,
        figures: statistics.figures(),
        wallSeconds: (clock.now() - startedAt) / 1000,
        firstStepSeconds,
        peakMemoryBytes: memory?.peakBytes(),
      });
    },
    get hasBegun() {
      return ready !== undefined;
    },
    get summarized() {
      return summarized;
    },
    close: () => {
      metrics?.close();
      events.close();
    },
  };
}

function earlier(timestamp: string, byMs: number): string {
  return new Date(Date.parse(timestamp) - byMs).toISOString();
}

/** Timings as columns of a metrics line, to the microsecond. */
function rounded(timings: {
  engineMs: number;
  reduceMs: number;
  optimizerMs: number;
  totalMs: number;
}) {
  const round = (ms: number): number => Math.round(ms * 1000) / 1000;
  return {
    step_ms: round(timings.totalMs),
    engine_ms: round(timings.engineMs),
    reduce_ms: round(timings.reduceMs),
    optimizer_ms: round(timings.optimizerMs),
  };
}
