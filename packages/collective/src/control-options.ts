/**
 * Settings both ends of the control connection share. Heartbeats run in libzmq's own thread, so an engine that blocks
 * JavaScript does not miss them; control messages are small, so none is slower than the timeout.
 */
export const controlSocketOptions = {
  heartbeatInterval: 500,
  heartbeatTimeout: 2500,
  heartbeatTimeToLive: 2500,
  /** Messages queued at `close` are still delivered within it: the reason of a failure is worth a second. */
  linger: 1000,
  sendTimeout: 0,
  /** Logits of an evaluation are the largest. */
  maxMessageSize: 64 * 2 ** 20,
} as const;
