import { MicrotuneError, messageOf } from '@microtune/shared';
import type { Pull, Router } from 'zeromq';

/**
 * Binds to a TCP address; the socket's `lastEndpoint` then says where.
 * @param port 0 for a free one
 * @throws MicrotuneError `usage` naming the address when the port is taken or the host is not an address of this machine
 */
export async function bindTcp(
  socket: Pull | Router,
  { host, port }: { host: string; port: number },
): Promise<void> {
  try {
    await socket.bind(`tcp://${host}:${port}`);
  } catch (error) {
    socket.close();
    const inUse = error instanceof Error && 'code' in error && error.code === 'EADDRINUSE';
    const reason = inUse
      ? `port ${port} of ${host} is in use: choose another, or 0 for a free one`
      : `cannot listen at ${host}:${port}: ${messageOf(error)}`;
    throw new MicrotuneError('usage', reason, { cause: error });
  }
}
