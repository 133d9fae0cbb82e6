/**
 * How a run ends before its time. First the workers halt and say which step's state they hold whole; the one that holds
 * the newest writes it down as a checkpoint; then all are told to stop. Reduced gradients are committed by all ranks
 * before any applies them, so a step that one rank has applied is a step of the run, also when a rank died before it
 * could do or report it: its gradients are in the sum, and a resumed run has the bits of an undisturbed one.
 */
import { finishStepsUpTo } from './training.js';
import { halt, verdict } from './failing.js';
import { median } from './median.js';
import { save } from './pausing.js';
import type { Outcome, RunState } from './run-state.js';
import { explain, liveRanks, send, tell, update, type Turn } from './turn.js';

/** Tells all workers to leave. */
export function end(turn: Turn, outcome: Outcome): void {
  for (const rank of liveRanks(turn.state))
    send(turn, rank, turn.state.stepped, { type: 'stop', reason: outcome.status });
  update(turn, { phase: 'finished' });
  if (outcome.error === undefined)
    explain(turn, 'ended', `${outcome.status} after step ${turn.state.stepped}`);
  else explain(turn, 'failed', `failed: ${outcome.error.message}`);
  turn.records.push({ type: 'finished', outcome });
}

/** Asked to stop while a worker hangs: the others save what they hold, nobody waits for it. */
export function stopWithout(turn: Turn): void {
  explain(turn, 'rescue', 'asked to stop: not waiting for a worker that hangs');
  update(turn, { phase: 'rescuing' });
  halt(turn, 'asked to stop');
}

/** After every event in the phases `failing` and `rescuing`. */
export function goOnEnding(turn: Turn): void {
  const { rescue } = turn.state;
  if (rescue?.stage === 'halting') chooseHolder(turn, rescue.at);
  else if (rescue?.stage === 'saving') watchSave(turn, rescue);
  const { failure, spec } = turn.state;
  const isSettled = failure === undefined || turn.now - failure.at >= spec.deadlines.settleMs;
  const isRescued = turn.state.rescue?.stage === 'done';
  const allGone = liveRanks(turn.state).length === 0;
  if (allGone || (isRescued && isSettled)) conclude(turn);
}

function conclude(turn: Turn): void {
  const error = verdict(turn.state);
  const { stopRequest } = turn.state;
  const status = error === undefined ? (stopRequest ?? 'failed') : 'failed';
  end(turn, { status, error });
}

function chooseHolder(turn: Turn, since: number): void {
  const { members, spec, recentStepMs } = turn.state;
  const live = liveRanks(turn.state);
  const awaited = live.filter(
    (rank) => members[rank]?.halted === undefined && !isStuck(turn.state, rank),
  );
  const patienceMs = Math.max(spec.deadlines.haltMs, 3 * median(recentStepMs));
  if (awaited.length > 0 && turn.now - since < patienceMs) return;
  const holders = live.flatMap((rank) => {
    const step = members[rank]?.halted?.holdsStep;
    return step === undefined ? [] : [{ rank, step }];
  });
  const [newest] = holders.sort((a, b) => b.step - a.step || a.rank - b.rank);
  if (newest === undefined) return done(turn, 'no worker holds a whole state to save');
  finishStepsUpTo(turn, newest.step);
  saveOf(turn, newest.rank, newest.step);
}

function saveOf(turn: Turn, rank: number, step: number): void {
  const { spec, stepped, lastCheckpoint, savesAsked, best } = turn.state;
  const folder = spec.folder.checkpoint(step);
  if (stepped !== step) return done(turn, `nobody reported step ${step}: it is not saved`);
  if (step === (spec.start?.state.global_step ?? 0))
    return done(turn, 'no step was done since the start: nothing to save');
  if (lastCheckpoint === folder) return done(turn, `step ${step} is saved already`);
  const bestIsMissing = savesAsked.some(({ kind }) => kind === 'best') && best?.step === step;
  // What was asked before may never be written; what is written all the same is the same.
  update(turn, { savesAsked: [], rescue: { stage: 'saving', at: turn.now, rank } });
  tell(turn, 'rescue', `worker ${rank} saves the state after step ${step}`);
  if (bestIsMissing) save(turn, 'best', spec.folder.best, rank);
  save(turn, 'checkpoint', folder, rank);
}

function watchSave(turn: Turn, { at, rank }: { at: number; rank: number }): void {
  const { savesAsked, members, spec } = turn.state;
  const { hangMs, busyMs } = spec.deadlines;
  const member = members[rank];
  if (savesAsked.length === 0) return done(turn);
  const quietMs = turn.now - Math.max(at, member?.progressAt ?? 0);
  const patienceMs = member?.activity === 'busy' ? busyMs : hangMs;
  if (member === undefined || member.exited || quietMs > patienceMs)
    done(turn, `worker ${rank} could not save it`);
}

function done(turn: Turn, reason?: string): void {
  if (reason !== undefined) explain(turn, 'rescue', reason);
  update(turn, { rescue: { stage: 'done' } });
}

/** It was named, or it is why the run ends. */
function isStuck({ members, failure }: RunState, rank: number): boolean {
  const blamed = failure?.signs.some((sign) => sign.kind === 'deadline' && sign.rank === rank);
  return members[rank]?.isNamed === true || blamed === true;
}
