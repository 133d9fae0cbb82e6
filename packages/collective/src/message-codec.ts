/** Control messages as bytes: plain MessagePack, checked against the wire contract. */
import {
  coordinatorMessageSchema,
  parseMessage,
  workerMessageSchema,
  type CoordinatorMessage,
  type Message,
  type WorkerMessage,
} from '@microtune/shared';
import { decodePlain, encodePlain } from './plain-msgpack.js';

export function encodeMessage(message: Message): Uint8Array {
  return encodePlain(message);
}

/** @throws MicrotuneError `transient` naming `from` when the bytes are no message of a worker */
export function decodeWorkerMessage(bytes: Uint8Array, from: string): WorkerMessage {
  return parseMessage(workerMessageSchema, decodePlain(bytes, from), from);
}

/** @throws MicrotuneError `transient` when the bytes are no message of the coordinator */
export function decodeCoordinatorMessage(bytes: Uint8Array): CoordinatorMessage {
  const from = 'the coordinator';
  return parseMessage(coordinatorMessageSchema, decodePlain(bytes, from), from);
}
