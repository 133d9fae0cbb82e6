import type { ControlClient, ControlClientEvent } from '@microtune/collective';
import { protocolVersion, type CoordinatorMessage } from '@microtune/shared';
import { describe, expect, it } from 'vitest';
import { createInbox } from './inbox.js';

const envelope = { protocol: protocolVersion as 1, runId: 'r', epoch: 0, step: 1 };
const restore = (folder: string): CoordinatorMessage => ({ type: 'restore', folder, ...envelope });
const never = new Promise<void>(() => undefined);

/** A connection that delivers the events given and then stays silent. */
const clientOf = (
  events: readonly ControlClientEvent[],
  then: Promise<void> = never,
): ControlClient => ({
  send: () => Promise.resolve(),
  close: () => Promise.resolve(),
  async *events() {
    yield* events;
    await then;
  },
});

describe('createInbox', () => {
  it('gives commands in their order and previews them as they come', async () => {
    const messages = ['a', 'b', 'c'].map((folder) => ({
      type: 'message' as const,
      message: restore(folder),
    }));
    const inbox = createInbox(clientOf(messages), never);
    const seen: string[] = [];
    inbox.preview((command) => seen.push(command.type));
    const taken: CoordinatorMessage[] = [];
    for await (const command of inbox.commands) if (taken.push(command) === 3) break;
    expect(taken).toEqual(messages.map(({ message }) => message));
    expect(seen.length).toBe(3);
  });

  it('passes over what was asked before a halt', async () => {
    const halt: CoordinatorMessage = { type: 'halt', reason: 'worker 1 is gone', ...envelope };
    const messages = [restore('a'), halt, restore('b')].map((message) => ({
      type: 'message' as const,
      message,
    }));
    const inbox = createInbox(clientOf(messages), never);
    await new Promise((resolve) => setTimeout(resolve, 10));
    const taken: CoordinatorMessage[] = [];
    for await (const command of inbox.commands) if (taken.push(command) === 2) break;
    expect(taken).toEqual([halt, restore('b')]);
  });

  it('ends at stop without waiting for the commands before it', async () => {
    const events: ControlClientEvent[] = [
      { type: 'message', message: restore('a') },
      { type: 'message', message: { type: 'stop', reason: 'done', ...envelope } },
    ];
    await expect(createInbox(clientOf(events), never).ended).resolves.toBeUndefined();
  });

  it('fails as unreachable when the coordinator is lost, whichever way it shows', async () => {
    const lost = { code: 'unreachable' };
    await expect(
      createInbox(clientOf([{ type: 'disconnected' }]), never).ended,
    ).rejects.toMatchObject(lost);
    await expect(createInbox(clientOf([], Promise.resolve()), never).ended).rejects.toMatchObject(
      lost,
    );
    await expect(createInbox(clientOf([]), Promise.resolve()).ended).rejects.toMatchObject(lost);
  });

  it('fails for bytes that are no message', async () => {
    const inbox = createInbox(clientOf([{ type: 'invalid', reason: 'not msgpack' }]), never);
    await expect(inbox.ended).rejects.toMatchObject({ code: 'transient', message: 'not msgpack' });
  });
});
