/**
 * Commands from the coordinator: queued in order, while `halt`, `stop` and a lost coordinator are seen at once, also in
 * the middle of a step.
 */
import type { ControlClient } from '@microtune/collective';
import { MicrotuneError, type CoordinatorMessage } from '@microtune/shared';

export interface Inbox {
  /** All but `stop`, in the order they came. Never ends by itself. */
  readonly commands: AsyncIterable<CoordinatorMessage>;
  /** Resolves at `stop`. @throws MicrotuneError `unreachable` when the coordinator is gone, `transient` for bytes that are no message */
  readonly ended: Promise<void>;
  /** Calls with each command as it comes in, ahead of its turn. */
  preview(look: (command: CoordinatorMessage) => void): void;
}

/** @param coordinatorGone resolves when the coordinator's process is known to be gone by other means than its socket */
export function createInbox(client: ControlClient, coordinatorGone: Promise<void>): Inbox {
  const waiting: CoordinatorMessage[] = [];
  let wake = (): void => undefined;
  let look: (command: CoordinatorMessage) => void = () => undefined;
  const take = (command: CoordinatorMessage): void => {
    // Nothing asked before it is wanted any more.
    if (command.type === 'halt') waiting.length = 0;
    waiting.push(command);
    look(command);
    wake();
  };
  const gone = coordinatorGone.then(() => {
    throw lost();
  });
  const ended = Promise.race([listen(client, take), gone]);
  // Whoever awaits `ended` sees the error; nobody may be waiting yet.
  ended.catch(() => undefined);
  return {
    ended,
    preview: (callback) => {
      look = callback;
    },
    commands: {
      async *[Symbol.asyncIterator]() {
        for (;;) {
          const command = waiting.shift();
          if (command !== undefined) yield command;
          else
            await new Promise<void>((resolve) => {
              wake = resolve;
            });
        }
      },
    },
  };
}

async function listen(
  client: ControlClient,
  take: (command: CoordinatorMessage) => void,
): Promise<void> {
  for await (const event of client.events()) {
    switch (event.type) {
      case 'message':
        if (event.message.type === 'stop') return;
        take(event.message);
        break;
      case 'invalid':
        throw new MicrotuneError('transient', event.reason);
      case 'disconnected':
        throw lost();
    }
  }
  throw lost();
}

function lost(): MicrotuneError {
  return new MicrotuneError('unreachable', 'the coordinator is gone; this worker leaves');
}
