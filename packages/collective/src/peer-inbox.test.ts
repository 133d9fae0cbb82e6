import { expect, it } from 'vitest';
import { payloadOf } from './payload.js';
import { PeerInbox } from './peer-inbox.js';

it('objects to an announcement of more rows than memory can hold: a bad peer, no fault of ours', () => {
  const inbox = new PeerInbox([0]);
  // One shard of one value, one table, one partial sum: the root, with 2^40 rows.
  const objection = inbox.begin([1, 1, 1, 0, 0, 2 ** 40], payloadOf(new Uint8Array(24)));
  expect(objection).toBe('more sparse rows than memory can hold');
});
