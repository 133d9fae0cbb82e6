/** The coordinator's end of the control connections: one ROUTER socket, workers addressed by rank. */
import { MicrotuneError, assert, messageOf, type CoordinatorMessage } from '@microtune/shared';
import { Context, Router } from 'zeromq';
import { bindTcp } from './bind-tcp.js';
import { controlSocketOptions } from './control-options.js';
import type { ControlServer, ControlServerEvent } from './control.js';
import { Inbox } from './inbox.js';
import { encodeMessage } from './message-codec.js';
import { readWorkerFrames } from './read-frames.js';

export interface ControlServerOptions {
  /** Messages of other runs are reported as invalid. Default: any run. */
  readonly runId?: string;
  /** Address to bind. Default 127.0.0.1. */
  readonly host?: string;
  /** Default 0: a free one. */
  readonly port?: number;
}

/** @throws MicrotuneError `usage` naming the address when the port is in use or the host is not ours */
export async function createZeromqControlServer(
  options: ControlServerOptions = {},
): Promise<ControlServer> {
  const router = new Router({
    ...controlSocketOptions,
    context: new Context({ ioThreads: 1 }),
    // Without it messages to a worker that is gone vanish silently.
    mandatory: true,
    // A connection that claims a rank which is there already is not listened to.
    handover: false,
    sendHighWaterMark: 0,
  });
  await bindTcp(router, { host: options.host ?? '127.0.0.1', port: options.port ?? 0 });
  return new ZeromqControlServer(router, options.runId);
}

class ZeromqControlServer implements ControlServer {
  readonly endpoint: string;
  readonly #router: Router;
  readonly #runId: string | undefined;
  readonly #inbox = new Inbox<ControlServerEvent>();

  constructor(router: Router, runId: string | undefined) {
    assert(router.lastEndpoint, 'the control socket is bound');
    this.endpoint = router.lastEndpoint;
    this.#router = router;
    this.#runId = runId;
    void this.#pump();
  }

  async send(rank: number, message: CoordinatorMessage): Promise<void> {
    try {
      await this.#router.send([String(rank), encodeMessage(message)]);
    } catch (error) {
      const reason = `cannot send '${message.type}' to rank ${rank}: it is not connected`;
      throw new MicrotuneError('transient', reason, { cause: error });
    }
  }

  events(): AsyncIterable<ControlServerEvent> {
    return this.#inbox;
  }

  async close(): Promise<void> {
    if (this.#router.closed) return;
    this.#inbox.finish();
    // No unbind before: libzmq 4.3.5 aborts the process when a close follows while a connection is ending.
    this.#router.close();
    await new Promise((resolve) => setImmediate(resolve));
  }

  async #pump(): Promise<void> {
    try {
      while (!this.#inbox.finished) {
        const [id, ...frames] = await this.#router.receive();
        this.#inbox.push(readWorkerFrames(id, frames, this.#runId));
      }
    } catch (error) {
      if (!this.#inbox.finished) {
        this.#inbox.finish(new MicrotuneError('transient', messageOf(error), { cause: error }));
      }
    }
  }
}
