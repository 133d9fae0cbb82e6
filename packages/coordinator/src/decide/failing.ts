/**
 * From the first sign of trouble to a verdict. A killed worker shows in several ways within milliseconds: its exit, its
 * peers' broken connections, their own exits. All signs are gathered for a moment, the one nearest to the cause is named.
 */
import { errorCodes, exitCodes, type ErrorCode } from '@microtune/shared';
import { earlierAdvice, resumeAdvice } from '../resume-advice.js';
import type { FailureSign, RunState } from './run-state.js';
import { explain, sendAll, update, updateMember, type Turn } from './turn.js';

/** Notes a sign; the first one stops all workers. */
export function fail(turn: Turn, sign: FailureSign): void {
  const { failure, phase } = turn.state;
  if (phase === 'finished') return;
  if (failure === undefined) {
    explain(turn, 'fault', `stopping all workers: ${describe(turn.state, sign)}`);
    update(turn, { phase: 'failing', failure: { at: turn.now, signs: [sign] } });
    sendAll(turn, turn.state.stepped, { type: 'stop', reason: sign.reason });
    return;
  }
  explain(turn, 'fault', `also seen: ${describe(turn.state, sign)}`);
  update(turn, { failure: { ...failure, signs: [...failure.signs, sign] } });
}

/** A worker process ended. Expected after `stop`, a failure before. */
export function workerExited(
  turn: Turn,
  exit: { rank: number; code: number | undefined; signal: string | undefined; stderr: string },
): void {
  const { rank, code, signal, stderr } = exit;
  updateMember(turn, rank, { exited: true });
  const { failure } = turn.state;
  const announced =
    failure?.signs.some((sign) => sign.rank === rank && sign.kind === 'reported') ?? false;
  const asked = failure !== undefined && code === 0;
  if (!announced && !asked) {
    const how =
      signal === undefined ? `exited with code ${code ?? 'unknown'}` : `was killed by ${signal}`;
    const lastWords = stderr.trim() === '' ? '' : `; its last lines: ${stderr.trim()}`;
    fail(turn, { rank, kind: 'exited', code: codeOfExit(code), reason: `${how}${lastWords}` });
  }
  if (turn.state.phase === 'failing' && turn.state.members.every((member) => member.exited))
    conclude(turn);
}

/** After the settling time the verdict falls, whether all workers are gone or not: the shell kills what is left. */
export function concludeWhenSettled(turn: Turn): void {
  const { failure, spec } = turn.state;
  if (failure !== undefined && turn.now - failure.at >= spec.deadlines.settleMs) conclude(turn);
}

function conclude(turn: Turn): void {
  const { failure } = turn.state;
  const cause = failure === undefined ? undefined : likeliestCause(failure.signs);
  if (cause === undefined) return;
  const message = `${describe(turn.state, cause)}${advice(turn.state, cause)}`;
  update(turn, { phase: 'finished' });
  explain(turn, 'failed', `failed: ${message}`);
  turn.records.push({
    type: 'finished',
    outcome: { status: 'failed', error: { code: cause.code, message } },
  });
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

function momentOf(state: RunState): string {
  const { spec, stepped, planned, evaluation } = state;
  if (state.members.some((member) => member.ready === undefined)) return 'before the first step';
  if (evaluation !== undefined) return `evaluating after step ${stepped}`;
  return planned > stepped ? `step ${stepped + 1}` : `after step ${stepped} of ${spec.totalSteps}`;
}

function advice(state: RunState, cause: FailureSign): string {
  if (cause.code === 'transient') return resumeAdvice(state.lastCheckpoint);
  const { start, existingCheckpoints } = state.spec;
  if (start === undefined || !cause.reason.includes(start.checkpoint)) return '';
  return earlierAdvice(start.checkpoint, existingCheckpoints);
}
