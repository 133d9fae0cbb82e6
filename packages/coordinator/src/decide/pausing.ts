/**
 * Where training pauses: all workers have applied step n and nothing further was sent. Then, in this order: evaluate,
 * judge, save, and go on, stop, or end. A pause is settled before the next plan goes out, so a checkpoint and its
 * trainer_state.json always describe the same moment.
 */
import { MicrotuneError, messageOf, type ErrorCode } from '@microtune/shared';
import { judgeEvaluation } from '../best-metric.js';
import { fail, unexpected } from './failing.js';
import type { Evaluated } from './run-spec.js';
import type { AskedSave, RunState, SaveKind, Saved } from './run-state.js';
import { trainerStateOf } from './trainer-state-of.js';
import { explain, send, sendAll, update, type Turn } from './turn.js';

/** Starts the evaluation of this pause, or settles it at once. */
export function pause(turn: Turn): void {
  const { cadence, stepped } = turn.state;
  if (cadence.evaluates(stepped)) startEvaluation(turn);
  else settle(turn, false);
}

function startEvaluation(turn: Turn): void {
  const { spec, evaluationsSent, stepped } = turn.state;
  if (spec.evaluation === undefined) return;
  const { shards, ranges } = spec.evaluation;
  const id = evaluationsSent;
  update(turn, {
    evaluation: { id, startedAt: turn.now, parts: new Map() },
    evaluationsSent: id + 1,
  });
  sendAll(turn, stepped, {
    type: 'evaluate',
    evaluation: id,
    split: 'validation',
    shards: [...shards],
    ranges: [...ranges],
  });
}

/** Parts are kept by rank, so in shard order: a metric never depends on who was first. */
export function evaluated(turn: Turn, rank: number, part: Evaluated): void {
  const { evaluation, members, spec } = turn.state;
  if (
    evaluation === undefined ||
    spec.evaluation === undefined ||
    part.evaluation !== evaluation.id ||
    evaluation.parts.has(rank)
  )
    return unexpected(turn, rank, `rows of evaluation ${part.evaluation} that nobody waits for`);
  const parts = new Map(evaluation.parts).set(rank, part);
  update(turn, { evaluation: { ...evaluation, parts } });
  if (parts.size < members.length) return;
  const inOrder = [...parts].sort(([a], [b]) => a - b).map(([, { digests }]) => digests);
  try {
    judge(turn, spec.evaluation.score(inOrder.flat()), evaluation.startedAt);
  } catch (error) {
    fail(turn, {
      rank: undefined,
      kind: 'decision',
      code: codeOf(error),
      reason: messageOf(error),
    });
  }
}

function judge(turn: Turn, metrics: Readonly<Record<string, number>>, startedAt: number): void {
  const { spec, stepped, logHistory } = turn.state;
  const seconds = Math.max(1e-9, (turn.now - startedAt) / 1000);
  const named = Object.fromEntries(
    Object.entries(metrics).map(([name, value]) => [`eval_${name}`, value]),
  );
  const entry = {
    ...named,
    eval_runtime: seconds,
    eval_samples_per_second: (spec.evaluation?.samples ?? 0) / seconds,
    epoch: stepped / spec.stepsOfEpoch,
    step: stepped,
  };
  const judged = judgeEvaluation(spec.config, turn.state, { step: stepped, metrics });
  turn.records.push({ type: 'evaluation', entry, metrics });
  update(turn, {
    evaluation: undefined,
    metrics,
    logHistory: [...logHistory, entry],
    best: judged.best,
    evaluationsWithoutImprovement: judged.evaluationsWithoutImprovement,
  });
  settle(turn, judged.isBest);
}

/** Saves what this pause must save; then training goes on, stops or ends (decide.ts looks at the state). */
function settle(turn: Turn, isBest: boolean): void {
  const { spec, cadence, stepped, stopRequest, evaluationsWithoutImprovement } = turn.state;
  const { config } = spec;
  const patience = config.earlyStoppingPatience ?? Infinity;
  const exhausted = evaluationsWithoutImprovement >= patience && stepped < spec.totalSteps;
  if (exhausted) {
    explain(
      turn,
      'stopped_early',
      `stopping early at step ${stepped}: ${evaluationsWithoutImprovement} evaluations without improvement`,
    );
  }
  update(turn, { settled: stepped, stoppedEarly: exhausted });
  if (isBest && config.loadBestModelAtEnd) save(turn, 'best', spec.folder.best);
  const wanted = cadence.saves(stepped) || (config.saveStrategy === 'best' && isBest);
  if (stepped > 0 && (wanted || stopRequest !== undefined)) saveCheckpoint(turn);
}

/** Writes the checkpoint of this moment unless it is there already. */
export function saveCheckpoint(turn: Turn): void {
  const { spec, stepped, requestedCheckpoint } = turn.state;
  const folder = spec.folder.checkpoint(stepped);
  if (requestedCheckpoint !== folder) save(turn, 'checkpoint', folder);
}

/** @param rank who writes; rank 0 as long as it can */
export function save(turn: Turn, kind: SaveKind, folder: string, rank = 0): void {
  if (kind === 'checkpoint') update(turn, { requestedCheckpoint: folder });
  const { stepped: step, savesAsked } = turn.state;
  const trainerState = kind === 'checkpoint' ? { ...trainerStateOf(turn.state) } : undefined;
  send(turn, rank, step, { type: 'save', kind, folder, trainerState });
  update(turn, { savesAsked: [...savesAsked, { rank, kind, step, folder }] });
}

/** The answer to the oldest `save` of this rank. @returns what was written; undefined when nobody asked for it */
export function takeSaved(turn: Turn, rank: number, message: Saved): AskedSave | undefined {
  const { savesAsked } = turn.state;
  const asked = savesAsked.find((one) => one.rank === rank);
  if (asked === undefined || asked.folder !== message.folder || asked.step !== message.step)
    return undefined;
  update(turn, { savesAsked: savesAsked.filter((one) => one !== asked), lastSaved: message });
  turn.records.push({ type: 'saved', kind: asked.kind, folder: asked.folder });
  explain(turn, 'saved', `wrote ${asked.folder}`);
  if (asked.kind === 'checkpoint') checkpointWritten(turn, asked.folder);
  return asked;
}

/** A folder is whole: count it, and name the checkpoints that are one too many. */
function checkpointWritten(turn: Turn, folder: string): void {
  const { spec } = turn.state;
  const limit = spec.config.saveTotalLimit ?? Infinity;
  const checkpoints = [...turn.state.checkpoints.filter((other) => other !== folder), folder];
  const surplus = checkpoints.slice(0, Math.max(0, checkpoints.length - limit));
  for (const old of surplus) turn.records.push({ type: 'remove', folder: old });
  update(turn, { lastCheckpoint: folder, checkpoints: checkpoints.slice(surplus.length) });
}

const codeOf = (error: unknown): ErrorCode =>
  error instanceof MicrotuneError ? error.code : 'internal';

/** True where step `stepped` pauses and its pause is not settled. */
export function pauseIsDue(state: RunState): boolean {
  const { cadence, stepped, settled, planned, evaluation, stopRequest } = state;
  if (evaluation !== undefined || settled >= stepped || planned > stepped) return false;
  return cadence.pauses(stepped) || stopRequest !== undefined;
}
