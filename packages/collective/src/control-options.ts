/** Settings both ends of the control connection share. */
import { keepAliveOptions } from './keep-alive.js';

export const controlSocketOptions = {
  ...keepAliveOptions,
  /** Messages queued at `close` are still delivered within it: the reason of a failure is worth a second. */
  linger: 1000,
  sendTimeout: 0,
  /** Logits of an evaluation are the largest. */
  maxMessageSize: 64 * 2 ** 20,
} as const;
