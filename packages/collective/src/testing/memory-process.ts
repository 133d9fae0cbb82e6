/** The main file of a child process that offers its memory, and says what is in it. */
import { randomBytes } from 'node:crypto';
import { addressOf } from '@microtune/shared/native';
import { openPeerMemory } from '../peer-memory.js';

const offered = Uint8Array.from(randomBytes(2 * 65_536));
process.send?.({
  offer: openPeerMemory()?.offer,
  address: Number(addressOf(offered)),
  bytes: offered,
});
process.on('disconnect', () => process.exit(0));
