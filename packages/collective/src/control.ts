/**
 * Control messages between the coordinator and its workers, schema-checked at the socket. Implementations: zeromq
 * (ROUTER and DEALER) and memory (one process, tests). The coordinator holds the server; each worker one client.
 */
import type { CoordinatorMessage, WorkerMessage } from '@microtune/shared';

export type ControlServerEvent =
  | { type: 'message'; rank: number; message: WorkerMessage }
  /** Bytes that follow no schema; the sender must be considered broken. */
  | { type: 'invalid'; rank: number | undefined; reason: string };

export interface ControlServer {
  /** Where workers connect, e.g. `tcp://127.0.0.1:34567`. */
  readonly endpoint: string;
  /** @throws MicrotuneError `transient` when the worker is gone */
  send(rank: number, message: CoordinatorMessage): Promise<void>;
  /** Ends when the server is closed. */
  events(): AsyncIterable<ControlServerEvent>;
  close(): Promise<void>;
}

export type ControlClientEvent =
  | { type: 'message'; message: CoordinatorMessage }
  | { type: 'invalid'; reason: string }
  /** The coordinator's end of the connection closed. */
  | { type: 'disconnected' };

export interface ControlClient {
  send(message: WorkerMessage): Promise<void>;
  events(): AsyncIterable<ControlClientEvent>;
  close(): Promise<void>;
}
