/** A worker's end of the control connection: one DEALER socket whose identity is the rank. */
import { MicrotuneError, messageOf, type WorkerMessage } from '@microtune/shared';
import { Context, Dealer } from 'zeromq';
import { controlSocketOptions } from './control-options.js';
import type { ControlClient, ControlClientEvent } from './control.js';
import { Inbox } from './inbox.js';
import { encodeMessage } from './message-codec.js';
import { readCoordinatorFrames } from './read-frames.js';
import { within } from './within.js';

export interface ControlClientOptions {
  /** Of the coordinator, e.g. `tcp://127.0.0.1:34567`. */
  readonly endpoint: string;
  readonly rank: number;
  readonly connectTimeoutMs: number;
}

/**
 * Connects, trying again until the time is over: a worker may start before its coordinator.
 * @throws MicrotuneError `unreachable` naming the endpoint; `usage` when the endpoint is no address
 */
export async function createZeromqControlClient(
  options: ControlClientOptions,
): Promise<ControlClient> {
  const { endpoint, rank, connectTimeoutMs } = options;
  const dealer = new Dealer({
    ...controlSocketOptions,
    context: new Context({ ioThreads: 1 }),
    routingId: String(rank),
    reconnectInterval: 50,
    sendHighWaterMark: 0,
  });
  const connected = new Promise<void>((resolve) => {
    dealer.events.on('handshake', () => resolve());
  });
  try {
    dealer.connect(endpoint);
  } catch (error) {
    dealer.close();
    const reason = `'${endpoint}' is no address of a coordinator: expected tcp://HOST:PORT`;
    throw new MicrotuneError('usage', reason, { cause: error });
  }
  if (await within(connected, connectTimeoutMs)) return new ZeromqControlClient(dealer, options);
  dealer.linger = 0;
  dealer.close();
  throw new MicrotuneError(
    'unreachable',
    `no coordinator answers at ${endpoint} within ${connectTimeoutMs} ms`,
  );
}

class ZeromqControlClient implements ControlClient {
  readonly #dealer: Dealer;
  readonly #endpoint: string;
  readonly #inbox = new Inbox<ControlClientEvent>();
  #isConnected = true;

  constructor(dealer: Dealer, { endpoint }: ControlClientOptions) {
    this.#dealer = dealer;
    this.#endpoint = endpoint;
    dealer.events.on('disconnect', () => this.#lose());
    void this.#pump();
  }

  async send(message: WorkerMessage): Promise<void> {
    if (!this.#isConnected) throw this.#unreachable(message);
    try {
      await this.#dealer.send(encodeMessage(message));
    } catch (error) {
      if (error instanceof MicrotuneError) throw error;
      throw this.#unreachable(message, error);
    }
  }

  events(): AsyncIterable<ControlClientEvent> {
    return this.#inbox;
  }

  async close(): Promise<void> {
    this.#isConnected = false;
    this.#inbox.finish();
    this.#dealer.close();
    await new Promise((resolve) => setImmediate(resolve));
  }

  #unreachable({ type }: WorkerMessage, cause?: unknown): MicrotuneError {
    const reason = `cannot send '${type}': the coordinator at ${this.#endpoint} is gone`;
    return new MicrotuneError('unreachable', reason, { cause });
  }

  #lose(): void {
    if (!this.#isConnected) return;
    this.#isConnected = false;
    this.#dealer.linger = 0;
    // A restarted coordinator would not know this worker.
    this.#dealer.disconnect(this.#endpoint);
    this.#inbox.push({ type: 'disconnected' });
  }

  async #pump(): Promise<void> {
    try {
      while (!this.#inbox.finished) {
        const frames = await this.#dealer.receive();
        this.#inbox.push(readCoordinatorFrames(frames));
      }
    } catch (error) {
      if (!this.#inbox.finished) {
        this.#inbox.finish(new MicrotuneError('transient', messageOf(error), { cause: error }));
      }
    }
  }
}
