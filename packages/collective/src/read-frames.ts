/** What arrives at a control socket, as events. Nothing here throws: the sender may be anybody. */
import { messageOf } from '@microtune/shared';
import type { ControlClientEvent, ControlServerEvent } from './control.js';
import { decodeCoordinatorMessage, decodeWorkerMessage } from './message-codec.js';

/** One multipart message of a ROUTER socket as an event. */
export function readWorkerFrames(
  id: Uint8Array | undefined,
  frames: readonly Uint8Array[],
  runId: string | undefined,
): ControlServerEvent {
  const name = Buffer.from(id ?? []).toString('latin1');
  const rank = /^(0|[1-9]\d{0,6})$/.test(name) ? Number(name) : undefined;
  const [bytes] = frames;
  if (rank === undefined || bytes === undefined || frames.length !== 1) {
    return { type: 'invalid', rank, reason: 'a message that is not one frame from one rank' };
  }
  try {
    const message = decodeWorkerMessage(bytes, `rank ${rank}`);
    if (runId === undefined || message.runId === runId) return { type: 'message', rank, message };
    const reason = `rank ${rank} belongs to run ${message.runId}, this is run ${runId}`;
    return { type: 'invalid', rank, reason };
  } catch (error) {
    return { type: 'invalid', rank, reason: messageOf(error) };
  }
}

/** One multipart message of a DEALER socket as an event. */
export function readCoordinatorFrames(frames: readonly Uint8Array[]): ControlClientEvent {
  const [bytes] = frames;
  if (bytes === undefined || frames.length !== 1) {
    return { type: 'invalid', reason: 'a message that is not one frame' };
  }
  try {
    return { type: 'message', message: decodeCoordinatorMessage(bytes) };
  } catch (error) {
    return { type: 'invalid', reason: messageOf(error) };
  }
}
