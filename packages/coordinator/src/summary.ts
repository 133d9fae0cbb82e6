/** summary.json: what a run was and what came of it, in one object. */
import type { GpuInfo, ResolvedConfig } from '@microtune/shared';
import type { RunState, Outcome, Ready } from './decide/run-state.js';
import type { Metrics } from '@microtune/tasks';
import type { StepFigures } from './step-statistics.js';

export interface Summary {
  readonly run: string;
  /** ISO 8601. */
  readonly started_at: string;
  readonly ended_at: string;
  readonly microtune_version: string;
  readonly node_version: string;
  /** As it was started; missing for a run from code. */
  readonly command_line: readonly string[] | undefined;
  readonly status: Outcome['status'];
  readonly error?: { readonly code: string; readonly message: string };
  /** Optimizer steps done, those before a resume included. */
  readonly steps: number;
  /** Steps of a run that nothing cuts short; missing when it failed before that was known. */
  readonly total_steps: number | undefined;
  readonly samples: number;
  /** Real tokens, padding not counted. */
  readonly tokens: number;
  readonly epochs: number;
  /** Mean over all steps. */
  readonly train_loss: number | undefined;
  /** Of the weights that were saved. */
  readonly eval: Metrics | undefined;
  readonly best_step: number | undefined;
  /** The weights are those of `best_step`, not of the last step. */
  readonly restored_best: boolean;
  readonly stopped_early: boolean;
  readonly resumed_from: string | undefined;
  readonly checkpoint: string | undefined;
  readonly workers: number;
  readonly threads_per_worker: number;
  readonly engine: string;
  readonly engine_version: string | undefined;
  readonly precision: string | undefined;
  readonly device: string | undefined;
  /** The card of each worker, by rank; none on CPUs. */
  readonly gpus: readonly GpuInfo[];
  readonly trainable_parameters: number | undefined;
  readonly total_parameters: number | undefined;
  /** Real tokens per second of training, evaluations and start-up not counted. */
  readonly tokens_per_second: number;
  readonly step_ms: { readonly p50: number; readonly p95: number };
  /** Medians of the slowest worker's parts of a step. */
  readonly step_parts_ms: StepFigures['partsMs'];
  readonly train_seconds: number;
  readonly first_step_seconds: number | undefined;
  readonly wall_seconds: number;
  /** Highest seen of the coordinator and the workers together. */
  readonly peak_memory_bytes: number | undefined;
  readonly params_sha256: string | undefined;
  readonly state_sha256: string | undefined;
  /** Workers lost or stopped for a fault. */
  readonly faults: number;
}

/** What runs the run. */
export interface Program {
  readonly microtuneVersion: string;
  readonly nodeVersion: string;
  readonly commandLine?: readonly string[] | undefined;
}

export interface SummaryFacts {
  readonly config: ResolvedConfig;
  readonly program: Program;
  readonly startedAt: string;
  readonly endedAt: string;
  readonly state: RunState | undefined;
  readonly outcome: Outcome;
  readonly ready: Pick<Ready, 'device' | 'trainableParameters' | 'totalParameters'> | undefined;
  readonly figures: StepFigures;
  readonly wallSeconds: number;
  readonly firstStepSeconds: number | undefined;
  readonly peakMemoryBytes: number | undefined;
}

export function summarize(facts: SummaryFacts): Summary {
  const { config, state, outcome, ready, figures } = facts;
  const steps = state?.stepped ?? 0;
  return {
    run: config.runName,
    started_at: facts.startedAt,
    ended_at: facts.endedAt,
    microtune_version: facts.program.microtuneVersion,
    node_version: facts.program.nodeVersion,
    command_line: facts.program.commandLine,
    status: outcome.status,
    ...(outcome.error === undefined ? {} : { error: outcome.error }),
    steps,
    total_steps: state?.spec.totalSteps,
    samples: state?.samplesSeen ?? 0,
    tokens: state?.tokensSeen ?? 0,
    epochs: state === undefined ? 0 : steps / state.spec.stepsOfEpoch,
    train_loss: state === undefined || steps === 0 ? undefined : state.lossTotal / steps,
    eval: state?.metrics,
    best_step: state?.best?.step,
    restored_best:
      outcome.status === 'completed' &&
      config.loadBestModelAtEnd &&
      state?.best !== undefined &&
      state.best.step !== state.stepped,
    stopped_early: state?.stoppedEarly ?? false,
    resumed_from: config.resumeFromCheckpoint,
    checkpoint: state?.lastCheckpoint,
    workers: config.workers,
    threads_per_worker: config.threadsPerWorker,
    engine: config.engine,
    engine_version: ready?.device.engineVersion,
    precision: ready?.device.precision,
    device: ready?.device.device,
    gpus: (state?.members ?? []).flatMap(({ ready: joined }) => joined?.device.gpu ?? []),
    trainable_parameters: ready?.trainableParameters,
    total_parameters: ready?.totalParameters,
    tokens_per_second: figures.tokensPerSecond,
    step_ms: figures.stepMs,
    step_parts_ms: figures.partsMs,
    train_seconds: figures.trainSeconds,
    first_step_seconds: facts.firstStepSeconds,
    wall_seconds: facts.wallSeconds,
    peak_memory_bytes: facts.peakMemoryBytes,
    params_sha256: outcome.status === 'failed' ? undefined : state?.lastSaved?.paramsSha256,
    state_sha256: outcome.status === 'failed' ? undefined : state?.lastSaved?.stateSha256,
    faults: state?.failure?.signs.filter((sign) => sign.rank !== undefined).length ?? 0,
  };
}
