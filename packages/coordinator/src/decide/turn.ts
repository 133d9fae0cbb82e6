/**
 * One turn of decisions: the state so far and what goes out because of one event. The functions of this folder take a
 * turn and replace its state; `decide` makes the turn and hands out its result, so seen from outside all is pure.
 */
import { protocolVersion, type CoordinatorMessage } from '@microtune/shared';
import type { lifeCodes } from '../note.js';
import type { Member, Outgoing, Reason, RunRecord, RunState } from './run-state.js';

export interface Turn {
  state: RunState;
  readonly now: number;
  readonly messages: Outgoing[];
  readonly records: RunRecord[];
  readonly reasons: Reason[];
}

type EnvelopeKey = 'protocol' | 'runId' | 'epoch' | 'step';
type Body<M> = M extends CoordinatorMessage ? Omit<M, EnvelopeKey> : never;

export function update(turn: Turn, change: Partial<RunState>): void {
  turn.state = { ...turn.state, ...change };
}

export function updateMember(turn: Turn, rank: number, change: Partial<Member>): void {
  const members = turn.state.members.map((member, r) =>
    r === rank ? { ...member, ...change } : member,
  );
  update(turn, { members });
}

export function explain(turn: Turn, code: Reason['code'], text: string): void {
  turn.reasons.push({ code, text });
}

export function ranksOf(state: RunState): number[] {
  return state.members.map((_, rank) => rank);
}

/** Sends to one worker; a worker with nothing to do until now starts its progress deadline. */
export function send(turn: Turn, rank: number, step: number, body: Body<CoordinatorMessage>): void {
  const envelope = { protocol: protocolVersion as 1, runId: turn.state.spec.runId, epoch: 0, step };
  turn.messages.push({ rank, message: { ...envelope, ...body } as CoordinatorMessage });
  const member = turn.state.members[rank];
  if (member === undefined) return;
  updateMember(turn, rank, {
    unanswered: member.unanswered + 1,
    progressAt: member.unanswered === 0 ? turn.now : member.progressAt,
  });
}

/** What the user is told at once, and events.jsonl too. */
export function tell(turn: Turn, code: (typeof lifeCodes)[number], text: string): void {
  explain(turn, code, text);
  turn.records.push({ type: 'note', code, text });
}

/** Ranks whose processes are there. */
export function liveRanks(state: RunState): number[] {
  return ranksOf(state).filter((rank) => state.members[rank]?.exited === false);
}

export function sendAll(turn: Turn, step: number, body: Body<CoordinatorMessage>): void {
  for (const rank of ranksOf(turn.state)) send(turn, rank, step, body);
}
