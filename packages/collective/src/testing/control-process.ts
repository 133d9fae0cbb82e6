/** The main file of a child process at one end of a control connection; the test says by IPC which. */
import { createZeromqControlClient } from '../zeromq-control-client.js';
import { createZeromqControlServer } from '../zeromq-control-server.js';
import { failed } from './messages.js';

export type ToControlProcess =
  /** Listens, replies with the endpoint, and lives until it is killed. */
  | { type: 'serve' }
  /** Connects as rank 1, reports a failure, closes and exits at once. */
  | { type: 'fail'; endpoint: string };

process.on('message', (message: ToControlProcess) => {
  act(message).catch(() => process.exit(1));
});
process.on('disconnect', () => process.exit(0));

async function act(message: ToControlProcess): Promise<void> {
  if (message.type === 'serve') {
    process.send?.((await createZeromqControlServer()).endpoint);
    return;
  }
  const { endpoint } = message;
  const client = await createZeromqControlClient({ endpoint, rank: 1, connectTimeoutMs: 5000 });
  await client.send(failed);
  await client.close();
  process.exit(75);
}
