/**
 * The coordinator's decisions: `decide(state, event, now)` gives the next state, the messages to send, what to record,
 * and the reasons in words. No socket, timer, file or randomness; the shell around it is run-coordinator.ts.
 *
 * joining -> loading -> training -> (restoring ->) saving -> finished, and from anywhere failing or, when asked to stop
 * while a worker hangs, rescuing -> finished (ending.ts).
 * Training is plans sent ahead and reports coming in, with pauses (pausing.ts) for evaluations and checkpoints.
 */
import type { WorkerMessage } from '@microtune/shared';
import { end, goOnEnding, stopWithout } from './ending.js';
import { fail, unexpected, workerExited } from './failing.js';
import { hello, ready, restored } from './joining.js';
import { evaluated, pause, pauseIsDue, save, takeSaved } from './pausing.js';
import type { Decision, RunEvent, RunState, Saved, StopRequest } from './run-state.js';
import { sendPlans, stepped } from './training.js';
import { explain, sendAll, update, updateMember, type Turn } from './turn.js';
import { goesOn, lookAround, someoneHangs } from './waiting.js';

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
      return takeInvalid(turn, event.rank, event.reason);
    case 'exited':
      return workerExited(turn, event);
    case 'stop-requested':
      return requestStop(turn, event.request);
    case 'tick':
      return lookAround(turn, event.activities);
  }
}

/** Bytes that make no sense end the run when a worker sent them, and are passed over when anybody else did. */
function takeInvalid(turn: Turn, rank: number | undefined, reason: string): void {
  if (rank !== undefined && rank in turn.state.members)
    return fail(turn, { rank, kind: 'protocol', code: 'transient', reason });
  update(turn, { strangers: turn.state.strangers + 1 });
  if (turn.state.strangers <= tellStrangers)
    explain(turn, 'stranger', `passed over a message from no worker of this run: ${reason}`);
}

const tellStrangers = 5;

function takeMessage(turn: Turn, rank: number, message: WorkerMessage): void {
  const member = turn.state.members[rank];
  if (member === undefined || message.runId !== turn.state.spec.runId)
    return takeInvalid(turn, rank, `"${message.type}" of rank ${rank} of run ${message.runId}`);
  updateMember(turn, rank, { heardAt: turn.now });
  if (message.type === 'progress') {
    const { phase, step: phaseStep } = message;
    if (phase !== member.phase || phaseStep !== member.phaseStep)
      goesOn(turn, rank, { phase, phaseStep });
    return;
  }
  if (message.type === 'failed') {
    fail(turn, { rank, kind: 'reported', code: message.code, reason: message.reason });
    const savesAsked = turn.state.savesAsked.filter((asked) => asked.rank !== rank);
    return update(turn, { savesAsked });
  }
  goesOn(turn, rank, { unanswered: Math.max(0, member.unanswered - 1) });
  if (isEnding(turn.state)) takeLastAnswer(turn, rank, message);
  else takeAnswer(turn, rank, message);
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
      return evaluated(turn, rank, message);
    case 'saved':
      return saved(turn, rank, message);
    case 'restored':
      if (restored(turn, rank, message.stateSha256)) saveFinal(turn);
      return;
    case 'halted':
      return unexpected(turn, rank, '"halted" without being asked to');
  }
}

/** What is on its way when the run ends early still counts; the rest is of no use any more. */
function takeLastAnswer(turn: Turn, rank: number, message: Answer): void {
  switch (message.type) {
    case 'stepped':
      return stepped(turn, rank, message);
    case 'saved':
      if (takeSaved(turn, rank, message)?.kind === 'final')
        end(turn, { status: 'completed', error: undefined });
      return;
    case 'halted':
      return updateMember(turn, rank, { halted: { holdsStep: message.holdsStep } });
    case 'hello':
    case 'ready':
    case 'evaluated':
    case 'restored':
      return;
  }
}

function isEnding({ phase }: RunState): boolean {
  return phase === 'failing' || phase === 'rescuing';
}

/** After every event: what can be done now that could not before. */
function goOn(turn: Turn): void {
  if (isEnding(turn.state)) return goOnEnding(turn);
  if (turn.state.phase !== 'training') return;
  if (turn.state.stopRequest !== undefined && someoneHangs(turn.state)) return stopWithout(turn);
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
  const { stopRequest, savesAsked } = turn.state;
  if (stopRequest !== undefined && savesAsked.length === 0)
    end(turn, { status: stopRequest, error: undefined });
}

/** The last step is settled: back to the best weights if wished, then the final model. */
function finish(turn: Turn): void {
  const { spec, savesAsked, best, stepped: done } = turn.state;
  if (savesAsked.length > 0) return;
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

function saved(turn: Turn, rank: number, message: Saved): void {
  const written = takeSaved(turn, rank, message);
  if (written === undefined)
    return unexpected(turn, rank, `"saved" of ${message.folder}, which it was not asked to write`);
  if (written.kind === 'final') end(turn, { status: 'completed', error: undefined });
}
