import { once } from 'node:events';
import { createServer } from 'node:net';
import { Push } from 'zeromq';
import { describe, expect, it } from 'vitest';
import { createMemoryTransports } from './memory-transport.js';
import { openPeerMemory } from './peer-memory.js';
import { createRank, hashOf } from './testing/rank.js';
import { startWorld } from './testing/world.js';
import { createZeromqTransport } from './zeromq-transport.js';

// Chunks above and below the size from which a payload is read where it lies.
const options = { count: 70_001, widths: [16], chunkBytes: 32_768 };

async function hashAlone(step: number, shards: number): Promise<string> {
  const [transport] = createMemoryTransports(1);
  if (!transport) throw new Error('a world of one');
  return hashOf(await (await createRank(transport, options)).step(step, shards));
}

/** A server that holds a free port of this machine. */
async function holdPort(): Promise<{ port: number; release(): Promise<void> }> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  return {
    port,
    release: async () => {
      server.close();
      await once(server, 'close');
    },
  };
}

describe.each([
  { where: 'in the memory of the sender', readMemory: true },
  { where: 'in the frames', readMemory: false },
])('all-reduce over ZeroMQ between processes, payloads $where', ({ readMemory }) => {
  it('gives the bits of one worker, step after step, while buffers are overwritten at once', async () => {
    for (const worldSize of [2, 3, 4]) {
      await using world = await startWorld(worldSize, options, readMemory);
      for (let shards = 1; shards <= 9; shards++) {
        const hash = await hashAlone(shards, shards);
        const replies = await world.askAll({ type: 'step', step: shards, shards });
        expect(replies).toMatchObject(Array(worldSize).fill({ type: 'stepped', hash }));
      }
    }
  });

  it('reads where it may, and nowhere else', async (context) => {
    const memory = openPeerMemory();
    if (readMemory && !memory?.canRead(memory.offer))
      context.skip('this system has or allows no process_vm_readv');
    await using world = await startWorld(3, options, readMemory);
    await world.askAll({ type: 'step', step: 1, shards: 6 });
    const replies = await world.askAll({ type: 'step', step: 2, shards: 6 });
    const others = [[1, 2], [0, 2], [0, 1]]; // prettier-ignore
    const expected = replies.map((_, rank) => (readMemory ? others[rank] : []));
    expect(replies.map((reply) => 'readsMemoryOf' in reply && reply.readsMemoryOf)).toEqual(
      expected,
    );
  });

  it('names the rank of a killed peer within a second', async () => {
    await using world = await startWorld(3, options, readMemory);
    await world.askAll({ type: 'step', step: 1, shards: 6 });
    const waiting = [0, 1].map((rank) => world.ask(rank, { type: 'step', step: 2, shards: 6 }));
    const killed = performance.now();
    world.processes[2]?.kill('SIGKILL');
    for (const reply of await Promise.all(waiting)) {
      expect(reply).toMatchObject({ type: 'failed' });
      expect(reply).toHaveProperty('message', expect.stringMatching(/^step 2: rank 2 is lost/));
    }
    expect(performance.now() - killed).toBeLessThan(1000);
  });

  it('delivers the last commit of a rank that closes and exits at once', async () => {
    for (let attempt = 1; attempt <= 5; attempt++) {
      await using world = await startWorld(2, options, readMemory);
      const [first, second] = [0, 1].map((rank) =>
        world.ask(rank, { type: 'step', step: attempt, shards: 4 }),
      );
      const leaving = second?.then(async (reply) => {
        const exit = once(world.processes[1] as NodeJS.EventEmitter, 'exit');
        world.processes[1]?.send({ type: 'close' });
        await exit;
        return reply;
      });
      const hash = await hashAlone(attempt, 4);
      expect([await first, await leaving]).toMatchObject([{ hash }, { hash }]);
      expect(world.processes[1]?.exitCode).toBe(0);
    }
  });
});

describe('bulk transport over ZeroMQ', () => {
  it('names a port that is in use', async () => {
    const { port, release } = await holdPort();
    await expect(createZeromqTransport({ rank: 0, port })).rejects.toThrow(
      `port ${port} of 127.0.0.1 is in use`,
    );
    await release();
  });

  it('names the rank that cannot be reached', async () => {
    const transport = await createZeromqTransport({ rank: 0 });
    const { port, release } = await holdPort();
    await release();
    const peers = [{ rank: 1, bulkEndpoint: `tcp://127.0.0.1:${port}` }];
    await expect(transport.connect(peers, 200)).rejects.toThrow(
      /cannot reach rank 1 at tcp:.* within 200 ms/,
    );
    await transport.close();
  });

  it('reports bytes that are no frame', async () => {
    const transport = await createZeromqTransport({ rank: 0 });
    const stranger = new Push();
    stranger.connect(transport.endpoint);
    await stranger.send('GET / HTTP/1.1');
    await expect(transport.receive()).rejects.toThrow(/bytes from a bulk socket are no message/);
    stranger.close();
    await transport.close();
  });
});
