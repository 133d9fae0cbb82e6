/**
 * Who keeps the others waiting, when the user is told, and when it is given up (docs/decisions/0023-who-hangs.md).
 *
 * A worker shows four things: an answer or a new phase (progress), a repeated phase (its JavaScript runs), what the
 * system says of its process (it computes, waits or stands still), and its exit. One that computes or waits for a disk
 * may be compiling or saving, which takes as long as it takes; one that stands still or waits for nothing does not come
 * back by itself, and is given the time of some steps.
 */
import { fail, momentOf } from './failing.js';
import { median } from './median.js';
import type { Activity, Member, RunState } from './run-state.js';
import { tell, update, updateMember, type Turn } from './turn.js';

/** How the phase of a worker begins that waits in the all-reduce. */
export const waitingForPeers = 'all-reduce';

/** Between two signs of a worker whose JavaScript runs there is one second. */
const heardWithinMs = 3500;

/** Takes the time and what the system says; names who is waited for, and gives up on who is waited for too long. */
export function lookAround(turn: Turn, activities: readonly Activity[] | undefined): void {
  forgetOwnPause(turn);
  activities?.forEach((activity, rank) => updateMember(turn, rank, { activity }));
  if (turn.state.phase === 'failing' || turn.state.phase === 'rescuing') return;
  for (const [rank, member] of awaited(turn)) {
    const quietMs = turn.now - member.progressAt;
    const patienceMs = patienceWith(turn.state, member);
    if (!member.isNamed && quietMs > tellAfterMs(turn.state, member)) name(turn, rank, patienceMs);
    if (quietMs <= patienceMs) continue;
    const reason = `no sign of progress for ${seconds(quietMs)} s, ${condition[member.activity]}, last seen: ${lastSeen(member)}`;
    return fail(turn, { rank, kind: 'deadline', code: 'transient', reason });
  }
}

/** True where a stop request should not wait for what was planned: it may never come, or others can save at once. */
export function someoneHangs({ members }: RunState): boolean {
  const named = members.filter((member) => member.isNamed);
  const others = members.some((member) => !member.isNamed && !member.exited);
  return named.some((member) => member.activity !== 'busy' || others);
}

/** Something new from a worker. */
export function goesOn(turn: Turn, rank: number, change: Partial<Member>): void {
  const member = turn.state.members[rank];
  if (member?.isNamed === true)
    tell(
      turn,
      'worker_goes_on',
      `worker ${rank} goes on after ${seconds(turn.now - member.progressAt)} s`,
    );
  updateMember(turn, rank, { ...change, progressAt: turn.now, isNamed: false });
}

/** While this process did not run, messages came that it has not read, and the workers' time did not pass for it. */
function forgetOwnPause(turn: Turn): void {
  const { lookedAt, members, spec } = turn.state;
  const pausedMs = turn.now - lookedAt;
  update(turn, { lookedAt: turn.now });
  if (pausedMs < spec.deadlines.ownPauseMs) return;
  tell(
    turn,
    'own_pause',
    `this process did not run for ${seconds(pausedMs)} s (stopped or suspended); going on`,
  );
  const later = (time: number): number => Math.min(turn.now, time + pausedMs);
  update(turn, {
    members: members.map((member) => ({
      ...member,
      progressAt: later(member.progressAt),
      heardAt: later(member.heardAt),
    })),
  });
}

/** Who has work and does not wait for a peer; all that have work where everyone waits. */
function awaited({ state, now }: Turn): (readonly [number, Member])[] {
  const working = [...state.members.entries()].filter(
    ([, member]) => member.unanswered > 0 && !member.exited,
  );
  const suspects = working.filter(([, member]) => !waits(member, now));
  return suspects.length > 0 ? suspects : working;
}

function waits(member: Member, now: number): boolean {
  const isAlive = now - member.heardAt < heardWithinMs && member.activity !== 'stopped';
  return isAlive && member.phase.startsWith(waitingForPeers);
}

function tellAfterMs(state: RunState, { activity }: Member): number {
  const { tellMs } = state.spec.deadlines;
  if (activity === 'stopped') return tellMs.stopped;
  const stepMs = 3 * median(state.recentStepMs);
  // Until the first step is done, libraries, data and models load and compile.
  const isQuick = activity === 'idle' && state.recentStepMs.length > 0;
  return Math.max(isQuick ? tellMs.idle : tellMs.busy, stepMs);
}

function patienceWith(state: RunState, { activity }: Member): number {
  const { phase, recentStepMs, spec } = state;
  const { hangMs, hangSteps, joinMs, loadMs, busyMs } = spec.deadlines;
  if (activity === 'busy') return busyMs;
  const hungMs = Math.max(hangMs, hangSteps * median(recentStepMs));
  if (activity === 'stopped') return hungMs;
  if (phase === 'joining') return joinMs;
  return activity === 'unknown' || recentStepMs.length === 0 ? loadMs : hungMs;
}

function name(turn: Turn, rank: number, patienceMs: number): void {
  const member = turn.state.members[rank];
  if (member === undefined) return;
  updateMember(turn, rank, { isNamed: true });
  const quietMs = turn.now - member.progressAt;
  tell(
    turn,
    'waiting_for_worker',
    `waiting for worker ${rank} since ${seconds(quietMs)} s, ${momentOf(turn.state)}: ${condition[member.activity]}, ` +
      `last seen: ${lastSeen(member)}; the run ends if that lasts ${seconds(patienceMs)} s`,
  );
}

const condition: Record<Activity, string> = {
  busy: 'it computes or reads and writes files',
  idle: 'it runs, but does nothing',
  stopped: 'it is stopped or frozen',
  unknown: 'it does not answer',
};

function lastSeen({ phase, phaseStep }: Member): string {
  return phaseStep > 0 ? `${phase} of step ${phaseStep}` : phase;
}

function seconds(ms: number): number {
  return Math.round(ms / 1000);
}
