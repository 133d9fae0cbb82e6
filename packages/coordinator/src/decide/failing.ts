/**
 * From the first sign of trouble to a verdict. A killed worker shows in several ways within milliseconds: its exit, its
 * peers' broken connections, their own exits. All signs are gathered for a moment, the one nearest to the cause is
 * named. What happens between sign and verdict is in ending.ts.
 */
import { errorCodes, exitCodes, type ErrorCode } from '@microtune/shared';
import { earlierAdvice, goOnAdvice, resumeAdvice } from '../resume-advice.js';
import { exitReason } from './exit-reason.js';
import type { FailureSign, RunEvent, RunState } from './run-state.js';
import { explain, liveRanks, send, update, updateMember, type Turn } from './turn.js';

/** Notes a sign; the first one halts the workers, or stops them where nothing is worth saving. */
export function fail(turn: Turn, sign: FailureSign): void {
  const { failure, phase, rescue } = turn.state;
  if (phase === 'finished') return;
  if (failure !== undefined) {
    explain(turn, 'fault', `also seen: ${describe(turn.state, sign)}`);
    return update(turn, { failure: { ...failure, signs: [...failure.signs, sign] } });
  }
  explain(turn, 'fault', `stopping all workers: ${describe(turn.state, sign)}`);
  const isWorthwhile = mayRescue(turn.state, sign);
  update(turn, { phase: 'failing', failure: { at: turn.now, signs: [sign] } });
  if (rescue === undefined && isWorthwhile) return halt(turn, sign.reason);
  if (isWorthwhile) return;
  update(turn, { rescue: { stage: 'done' } });
  for (const rank of liveRanks(turn.state))
    send(turn, rank, turn.state.stepped, { type: 'stop', reason: sign.reason });
}

/** A message that its sender had no cause to send. */
export function unexpected(turn: Turn, rank: number, what: string): void {
  fail(turn, { rank, kind: 'protocol', code: 'transient', reason: `sent ${what}` });
}

/** Lets all workers give up what they do and say what they hold. */
export function halt(turn: Turn, reason: string): void {
  update(turn, { rescue: { stage: 'halting', at: turn.now } });
  for (const rank of liveRanks(turn.state))
    send(turn, rank, turn.state.stepped, { type: 'halt', reason });
}

/**
 * Workers that disagree hold nothing that can be trusted, and where a save has just failed, the next one would too.
 */
function mayRescue({ phase, savesAsked }: RunState, { kind, rank }: FailureSign): boolean {
  const inTraining = phase === 'training' || phase === 'saving' || phase === 'rescuing';
  const whileSaving = kind === 'reported' && savesAsked.some((asked) => asked.rank === rank);
  return inTraining && kind !== 'disagreement' && !whileSaving;
}

/** A worker process ended. Expected after `stop`, a failure before. */
export function workerExited(turn: Turn, exit: Extract<RunEvent, { type: 'exited' }>): void {
  const { rank, code } = exit;
  updateMember(turn, rank, { exited: true });
  const { failure, rescue } = turn.state;
  const announced =
    failure?.signs.some((sign) => sign.rank === rank && sign.kind === 'reported') ?? false;
  const asked = rescue?.stage === 'done' && code === 0;
  if (announced || asked) return;
  fail(turn, { rank, kind: 'exited', code: codeOfExit(code), reason: exitReason(exit) });
}

/** The error of a failed run: its likeliest cause, and how to go on. */
export function verdict(state: RunState): { code: ErrorCode; message: string } | undefined {
  const cause = state.failure && likeliestCause(state.failure.signs);
  if (cause === undefined) return undefined;
  return { code: cause.code, message: `${describe(state, cause)}${advice(state, cause)}` };
}

/** Lower is nearer to the cause; of equals the first seen. */
function distance(sign: FailureSign): number {
  if (sign.kind === 'reported') return sign.code === 'transient' ? 2 : 0;
  return sign.kind === 'exited' || sign.kind === 'disagreement' ? 1 : 3;
}

function likeliestCause(signs: readonly FailureSign[]): FailureSign | undefined {
  return [...signs].sort((a, b) => distance(a) - distance(b))[0];
}

/** A worker that ends without a word is lost like a machine is, unless its code says more. */
function codeOfExit(code: number | undefined): ErrorCode {
  if (code === 1) return 'internal';
  return errorCodes.find((name) => exitCodes[name] === code) ?? 'transient';
}

function describe(state: RunState, sign: FailureSign): string {
  const who = sign.rank === undefined ? '' : `worker ${sign.rank}, `;
  return `${who}${momentOf(state)}: ${sign.reason}`;
}

/** Where the run is, e.g. `step 16`. */
export function momentOf(state: RunState): string {
  const { spec, stepped, planned, evaluation } = state;
  if (state.members.some((member) => member.ready === undefined)) return 'before the first step';
  if (evaluation !== undefined) return `evaluating after step ${stepped}`;
  return planned > stepped ? `step ${stepped + 1}` : `after step ${stepped} of ${spec.totalSteps}`;
}

function advice(state: RunState, cause: FailureSign): string {
  const { lastCheckpoint, spec } = state;
  const { start, existingCheckpoints, folder } = spec;
  if (cause.code === 'transient') return resumeAdvice(lastCheckpoint, folder.root);
  if (start !== undefined && cause.reason.includes(start.checkpoint))
    return earlierAdvice(start.checkpoint, existingCheckpoints);
  const isOfThisRun = lastCheckpoint !== undefined && lastCheckpoint !== start?.checkpoint;
  return isOfThisRun ? goOnAdvice(lastCheckpoint, folder.root) : '';
}
