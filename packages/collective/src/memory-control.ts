/** Control connections inside one process. Messages pass through the same bytes and checks as over a socket. */
import { MicrotuneError, assert, type CoordinatorMessage } from '@microtune/shared';
import type {
  ControlClient,
  ControlClientEvent,
  ControlServer,
  ControlServerEvent,
} from './control.js';
import { Inbox } from './inbox.js';
import { encodeMessage } from './message-codec.js';
import { readCoordinatorFrames, readWorkerFrames } from './read-frames.js';

export interface MemoryControl {
  readonly server: ControlServer;
  /** By rank. */
  readonly clients: readonly ControlClient[];
}

/** A server and its connected clients of ranks 0 to worldSize - 1. */
export function createMemoryControl(worldSize: number): MemoryControl {
  const toServer = new Inbox<ControlServerEvent>();
  const toClients = Array.from({ length: worldSize }, () => new Inbox<ControlClientEvent>());
  return {
    server: memoryServer(toServer, toClients),
    clients: toClients.map((inbox, rank) => memoryClient(rank, inbox, toServer)),
  };
}

function memoryServer(
  inbox: Inbox<ControlServerEvent>,
  toClients: readonly Inbox<ControlClientEvent>[],
): ControlServer {
  const send = (rank: number, message: CoordinatorMessage): void => {
    const client = toClients[rank];
    if (!client || client.finished) {
      const reason = `cannot send '${message.type}' to rank ${rank}: it is not connected`;
      throw new MicrotuneError('transient', reason);
    }
    client.push(readCoordinatorFrames([encodeMessage(message)]));
  };
  return {
    endpoint: 'memory://control',
    send: async (rank, message) => send(rank, message),
    events: () => inbox,
    async close() {
      inbox.finish();
      for (const client of toClients) client.push({ type: 'disconnected' });
    },
  };
}

function memoryClient(
  rank: number,
  inbox: Inbox<ControlClientEvent>,
  toServer: Inbox<ControlServerEvent>,
): ControlClient {
  return {
    async send(message) {
      assert(!inbox.finished, `rank ${rank} sends after close`);
      if (toServer.finished) {
        throw new MicrotuneError(
          'unreachable',
          `cannot send '${message.type}': the coordinator is gone`,
        );
      }
      toServer.push(
        readWorkerFrames(Buffer.from(String(rank)), [encodeMessage(message)], undefined),
      );
    },
    events: () => inbox,
    async close() {
      inbox.finish();
    },
  };
}
