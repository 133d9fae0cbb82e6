/**
 * The loop around the decisions: takes events as they come, hands out messages, and passes records on. One event at a
 * time; messages to one worker keep their order.
 */
import { type Clock, type CoordinatorMessage } from '@microtune/shared';
import { decide } from './decide/decide.js';
import type { RunSpec } from './decide/run-spec.js';
import {
  initialState,
  type Outcome,
  type Reason,
  type RunEvent,
  type RunRecord,
  type RunState,
} from './decide/run-state.js';

export interface ConductOptions {
  readonly spec: RunSpec;
  readonly clock: Clock;
  readonly events: AsyncIterable<RunEvent>;
  /** Before a message is queued; what it throws ends the run. */
  prepare(message: CoordinatorMessage): void;
  send(rank: number, message: CoordinatorMessage): Promise<void>;
  record(record: RunRecord, state: RunState): void;
  /** @param state after the decision, so `state.stepped` says when */
  explain(reason: Reason, state: RunState): void;
}

export interface Conducted {
  readonly state: RunState;
  readonly outcome: Outcome;
}

/** Runs until the decisions end the run. @throws what `prepare` and `record` throw, e.g. a full disk */
export async function conduct(options: ConductOptions): Promise<Conducted> {
  const { spec, clock, events, prepare, send, record, explain } = options;
  let state = initialState(spec, clock.now());
  let outcome: Outcome = { status: 'failed', error: undefined };
  let sending: Promise<void> = Promise.resolve();
  for await (const event of events) {
    const decision = decide(state, event, clock.now());
    state = decision.state;
    for (const { rank, message } of decision.messages) {
      prepare(message);
      // A worker that is gone shows as an exit, with the cause; the failed message adds nothing.
      sending = sending.then(() => send(rank, message)).catch(() => undefined);
    }
    for (const reason of decision.reasons) explain(reason, state);
    for (const written of decision.records) {
      record(written, state);
      if (written.type === 'finished') outcome = written.outcome;
    }
    if (state.phase === 'finished') break;
  }
  await sending;
  return { state, outcome };
}
