import { connect as connectTcp } from 'node:net';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { Dealer } from 'zeromq';
import type { ControlClient, ControlServer } from './control.js';
import { createMemoryControl } from './memory-control.js';
import type { ToControlProcess } from './testing/control-process.js';
import { evaluated, failed, hello, plan, stop } from './testing/messages.js';
import { createZeromqControlClient } from './zeromq-control-client.js';
import { createZeromqControlServer } from './zeromq-control-server.js';

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const end of open.splice(0).reverse()) await end.close();
});

async function next<Event>(end: { events(): AsyncIterable<Event> }): Promise<Event | undefined> {
  for await (const event of end.events()) return event;
  return undefined;
}

async function startServer(): Promise<ControlServer> {
  const server = await createZeromqControlServer({ runId: 'run' });
  open.push(server);
  return server;
}

async function connect(endpoint: string, rank: number): Promise<ControlClient> {
  const client = await createZeromqControlClient({ endpoint, rank, connectTimeoutMs: 2000 });
  open.push(client);
  return client;
}

function startProcess(message: ToControlProcess): ReturnType<typeof fork> {
  const main = fileURLToPath(new URL('../dist/testing/control-process.js', import.meta.url));
  const child = fork(main);
  child.send(message);
  return child;
}

type Ends = { server: ControlServer; clients: readonly ControlClient[] };

const implementations: Record<string, () => Promise<Ends>> = {
  memory: async () => createMemoryControl(2),
  zeromq: async () => {
    const server = await startServer();
    return {
      server,
      clients: [await connect(server.endpoint, 0), await connect(server.endpoint, 1)],
    };
  },
};

for (const [name, create] of Object.entries(implementations)) {
  describe(`control connection: ${name}`, () => {
    it('carries messages both ways, by rank and in order', async () => {
      const { server, clients } = await create();
      const [first, second] = clients;
      await second?.send(hello);
      expect(await next(server)).toEqual({ type: 'message', rank: 1, message: hello });
      await first?.send({ ...hello, rank: 0 });
      await first?.send(evaluated);
      expect(await next(server)).toMatchObject({ rank: 0, message: { type: 'hello' } });
      expect(await next(server)).toEqual({ type: 'message', rank: 0, message: evaluated });
      for (let step = 0; step < 100; step++) await server.send(1, { ...plan, step });
      for (let step = 0; step < 100; step++) {
        expect(second && (await next(second))).toEqual({
          type: 'message',
          message: { ...plan, step },
        });
      }
    });

    it('refuses to send to a rank that is not there', async () => {
      const { server } = await create();
      await expect(server.send(5, stop)).rejects.toMatchObject({
        code: 'transient',
        message: "cannot send 'stop' to rank 5: it is not connected",
      });
    });

    it('tells clients that the server closed', async () => {
      const { server, clients } = await create();
      const client = clients[0];
      await server.close();
      expect(client && (await next(client))).toEqual({ type: 'disconnected' });
      await expect(client?.send(hello)).rejects.toMatchObject({ code: 'unreachable' });
    });

    it('delivers what was sent before the server closed', async () => {
      const { server, clients } = await create();
      const client = clients[1];
      for (const end of clients) await end.send({ ...hello, runId: 'run' });
      for (let rank = 0; rank < clients.length; rank++) await next(server);
      await server.send(1, stop);
      await server.close();
      expect(client && (await next(client))).toEqual({ type: 'message', message: stop });
      expect(client && (await next(client))).toEqual({ type: 'disconnected' });
    });

    it('ends its events when it is closed', async () => {
      const { server, clients } = await create();
      const waiting = clients[0] && next(clients[0]);
      await clients[0]?.close();
      expect(await waiting).toBeUndefined();
      const served = next(server);
      await server.close();
      expect(await served).toBeUndefined();
    });
  });
}

describe('control connection over ZeroMQ', () => {
  it('names a port that is in use', async () => {
    const server = await startServer();
    const port = Number(new URL(server.endpoint).port);
    await expect(createZeromqControlServer({ port })).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringContaining(`port ${port} of 127.0.0.1 is in use`) as string,
    });
  });

  it('says that no coordinator answers', async () => {
    const server = await createZeromqControlServer();
    await server.close();
    await portIsFree(server.endpoint);
    const options = { endpoint: server.endpoint, rank: 0, connectTimeoutMs: 150 };
    await expect(createZeromqControlClient(options)).rejects.toMatchObject({
      code: 'unreachable',
      message: `no coordinator answers at ${server.endpoint} within 150 ms`,
    });
    await expect(
      createZeromqControlClient({ ...options, endpoint: 'nonsense' }),
    ).rejects.toMatchObject({
      code: 'usage',
    });
  });

  it('reports bytes and runs that are not ours, and goes on', async () => {
    const server = await startServer();
    const stranger = new Dealer({ routingId: 'x1', linger: 0 });
    const broken = new Dealer({ routingId: '1', linger: 0 });
    for (const socket of [stranger, broken]) socket.connect(server.endpoint);
    await stranger.send('hello');
    expect(await next(server)).toMatchObject({ type: 'invalid', rank: undefined });
    await broken.send(Buffer.from([0xc1, 1, 2]));
    expect(await next(server)).toMatchObject({ type: 'invalid', rank: 1 });
    const client = await connect(server.endpoint, 0);
    await client.send({ ...hello, runId: 'another' });
    expect(await next(server)).toMatchObject({
      type: 'invalid',
      rank: 0,
      reason: 'rank 0 belongs to run another, this is run run',
    });
    await client.send(hello);
    expect(await next(server)).toMatchObject({ type: 'message', rank: 0 });
    stranger.close();
    broken.close();
  });

  it('sees a killed coordinator at once', async () => {
    const coordinator = startProcess({ type: 'serve' });
    const [endpoint] = (await once(coordinator, 'message')) as [string];
    const client = await connect(endpoint, 0);
    const killed = performance.now();
    coordinator.kill('SIGKILL');
    expect(await next(client)).toEqual({ type: 'disconnected' });
    expect(performance.now() - killed).toBeLessThan(500);
  });

  it('keeps the connection of a coordinator that stands still for some seconds', async () => {
    const coordinator = startProcess({ type: 'serve' });
    const [endpoint] = (await once(coordinator, 'message')) as [string];
    const client = await connect(endpoint, 0);
    let seen = false;
    const event = next(client).finally(() => {
      seen = true;
    });
    coordinator.kill('SIGSTOP');
    await new Promise((resolve) => setTimeout(resolve, 4000));
    coordinator.kill('SIGCONT');
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(seen).toBe(false);
    coordinator.kill('SIGKILL');
    expect(await event).toEqual({ type: 'disconnected' });
  });

  it('does not let a second connection speak for a rank that is there', async () => {
    const server = await startServer();
    const client = await connect(server.endpoint, 1);
    await client.send({ ...hello, runId: 'run' });
    expect(await next(server)).toMatchObject({ type: 'message', rank: 1 });
    const second = new Dealer({ routingId: '1', linger: 0 });
    second.connect(server.endpoint);
    await second.send('nonsense');
    await new Promise((resolve) => setTimeout(resolve, 200));
    await client.send({ ...failed, runId: 'run' });
    expect(await next(server)).toMatchObject({ type: 'message', message: { type: 'failed' } });
    second.close();
  });

  it('delivers the last words of a worker that closes and exits at once', async () => {
    const server = await startServer();
    for (let attempt = 0; attempt < 5; attempt++) {
      const worker = startProcess({ type: 'fail', endpoint: server.endpoint });
      expect(await next(server)).toEqual({ type: 'message', rank: 1, message: failed });
      if (worker.exitCode === null) await once(worker, 'exit');
      expect(worker.exitCode).toBe(75);
    }
  });
});

/** Sockets close in the background: waits until nothing listens there any more. */
async function portIsFree(endpoint: string): Promise<void> {
  const { hostname, port } = new URL(endpoint);
  const isOpen = (): Promise<boolean> =>
    new Promise((resolve) => {
      const socket = connectTcp(Number(port), hostname);
      socket.once('connect', () => {
        socket.destroy();
        resolve(true);
      });
      socket.once('error', () => {
        resolve(false);
      });
    });
  while (await isOpen()) await new Promise((resolve) => setTimeout(resolve, 10));
}
