/**
 * The coordinator's decisions: `decide(state, event, now)` gives the next state, the messages to send, what to record,
 * and the reasons in words. No socket, timer, file or randomness; the shell around it is run-coordinator.ts.
 *
 * joining -> loading -> training -> (restoring ->) saving -> finished, and from anywhere failing -> finished.
 * Training is plans sent ahead and reports coming in, with pauses (pausing.ts) for evaluations and checkpoints.
 */
import type { WorkerMessage } from '@microtune/shared';
import { concludeWhenSettled, fail, workerExited } from './failing.js';
import { hello, ready, restored } from './joining.js';
import { checkpointWritten, evaluated, pause, pauseIsDue, save } from './pausing.js';
import type { Decision, Outcome, RunEvent, RunState, Saved, StopRequest } from './run-state.js';
import { sendPlans, stepped } from './training.js';
import { explain, ranksOf, send, sendAll, update, updateMember, type Turn } from './turn.js';

export function decide(state: RunState, event: RunEvent, now: number): Decision {
  const turn: Turn = { state, now, messages: [], records: [], reasons: [] };
  if (state.phase !== 'finished') {
    take(turn, event);
    goOn(turn);
  }
  return {
    state: turn.state,
    messages: turn.messages,
    records: turn.records,
    reasons: turn.reasons,
  };
}

function take(turn: Turn, event: RunEvent): void {
  switch (event.type) {
    case 'message':
      return takeMessage(turn, event.rank, event.message);
    case 'invalid':
      return fail(turn, {
        rank: event.rank,
        kind: 'protocol',
        code: 'transient',
        reason: event.reason,
      });
    case 'exited':
      return workerExited(turn, event);
    case 'stop-requested':
      return requestStop(turn, event.request);
    case 'tick':
      return lookAtDeadlines(turn);
  }
}

function takeMessage(turn: Turn, rank: number, message: WorkerMessage): void {
  const member = turn.state.members[rank];
  if (member === undefined || message.runId !== turn.state.spec.runId) {
    const reason = `sent "${message.type}" of run ${message.runId}, not of this run`;
    return fail(turn, { rank: undefined, kind: 'protocol', code: 'transient', reason });
  }
  if (message.type === 'progress') {
    const isNew = message.phase !== member.phase;
    return updateMember(turn, rank, isNew ? { phase: message.phase, progressAt: turn.now } : {});
  }
  if (message.type === 'failed') {
    return fail(turn, { rank, kind: 'reported', code: message.code, reason: message.reason });
  }
  if (turn.state.phase === 'failing') return;
  updateMember(turn, rank, {
    progressAt: turn.now,
    unanswered: Math.max(0, member.unanswered - 1),
  });
  takeAnswer(turn, rank, message);
}

type Answer = Exclude<WorkerMessage, { type: 'progress' | 'failed' }>;

function takeAnswer(turn: Turn, rank: number, message: Answer): void {
  switch (message.type) {
    case 'hello':
      return hello(turn, rank, message);
    case 'ready':
      ready(turn, rank, message);
      return;
    case 'stepped':
      return stepped(turn, rank, message);
    case 'evaluated':
      return evaluated(turn, message);
    case 'saved':
      return saved(turn, message);
    case 'restored':
      if (restored(turn, rank, message.stateSha256)) saveFinal(turn);
      return;
  }
}

/** After every event: what can be done now that could not before. */
function goOn(turn: Turn): void {
  if (turn.state.phase !== 'training') return;
  if (pauseIsDue(turn.state)) pause(turn);
  const { evaluation, stopRequest, stoppedEarly, stepped: done, settled, spec } = turn.state;
  if (turn.state.phase !== 'training' || evaluation !== undefined) return;
  const isSettled = settled >= done;
  if (isSettled && (stoppedEarly || done >= spec.totalSteps)) return finish(turn);
  if (isSettled && stopRequest !== undefined && turn.state.planned === done) return stopEarly(turn);
  sendPlans(turn);
}

function requestStop(turn: Turn, request: StopRequest): void {
  const { phase, planned, stepped: done } = turn.state;
  update(turn, { stopRequest: request });
  if (phase === 'joining' || phase === 'loading') {
    explain(
      turn,
      'stop_requested',
      `asked to stop (${request}) before the first step: nothing to save`,
    );
    return end(turn, { status: request, error: undefined });
  }
  explain(
    turn,
    'stop_requested',
    phase === 'training'
      ? `asked to stop (${request}): finishing step ${Math.max(planned, done)}, then saving a checkpoint`
      : `asked to stop (${request}): training has ended, finishing what is left`,
  );
}

/** Asked to stop, and the checkpoint is on its way: leave once it is written. */
function stopEarly(turn: Turn): void {
  const { stopRequest, savesPending } = turn.state;
  if (stopRequest !== undefined && savesPending === 0)
    end(turn, { status: stopRequest, error: undefined });
}

/** The last step is settled: back to the best weights if wished, then the final model. */
function finish(turn: Turn): void {
  const { spec, savesPending, best, stepped: done } = turn.state;
  if (savesPending > 0) return;
  if (!spec.config.loadBestModelAtEnd || best === undefined || best.step === done)
    return saveFinal(turn);
  explain(
    turn,
    'restoring_best',
    `restoring the weights of step ${best.step}, the best evaluation`,
  );
  update(turn, { phase: 'restoring', metrics: best.metrics });
  sendAll(turn, done, { type: 'restore', folder: spec.folder.best });
}

function saveFinal(turn: Turn): void {
  update(turn, { phase: 'saving' });
  save(turn, 'final', turn.state.spec.folder.root);
}

function saved(turn: Turn, message: Saved): void {
  const { spec } = turn.state;
  const isFinal = message.folder === spec.folder.root;
  const isCheckpoint = message.folder === spec.folder.checkpoint(message.step);
  const kind = isFinal ? 'final' : isCheckpoint ? 'checkpoint' : 'best';
  update(turn, { savesPending: turn.state.savesPending - 1, lastSaved: message });
  turn.records.push({ type: 'saved', kind, folder: message.folder });
  explain(turn, 'saved', `wrote ${message.folder}`);
  if (isCheckpoint) checkpointWritten(turn, message.folder);
  if (isFinal) end(turn, { status: 'completed', error: undefined });
}

function end(turn: Turn, outcome: Outcome): void {
  for (const rank of ranksOf(turn.state))
    send(turn, rank, turn.state.stepped, { type: 'stop', reason: outcome.status });
  update(turn, { phase: 'finished' });
  explain(turn, 'ended', `${outcome.status} after step ${turn.state.stepped}`);
  turn.records.push({ type: 'finished', outcome });
}

/** A worker that waits for its peers is not the culprit while another one is silent at its own work. */
function lookAtDeadlines(turn: Turn): void {
  if (turn.state.phase === 'failing') return concludeWhenSettled(turn);
  const limitMs = deadlineOf(turn.state);
  const late = turn.state.members
    .map((member, rank) => ({ ...member, rank }))
    .filter((member) => member.unanswered > 0 && turn.now - member.progressAt > limitMs);
  const culprit = late.find((member) => !member.phase.startsWith(waitingForPeers)) ?? late[0];
  if (culprit === undefined) return;
  const seconds = Math.round((turn.now - culprit.progressAt) / 1000);
  const reason = `no sign of progress for ${seconds} s, last seen: ${culprit.phase}`;
  fail(turn, { rank: culprit.rank, kind: 'deadline', code: 'transient', reason });
}

function deadlineOf({ phase, spec: { deadlines } }: RunState): number {
  if (phase === 'joining') return deadlines.joinMs;
  return phase === 'loading' ? deadlines.loadMs : deadlines.progressMs;
}

/** How the phase of a worker begins that waits in the all-reduce. */
export const waitingForPeers = 'all-reduce';
