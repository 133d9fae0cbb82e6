import fc from 'fast-check';
import { MicrotuneError, type Message } from '@microtune/shared';
import { Packr } from 'msgpackr';
import { describe, expect, it } from 'vitest';
import { decodeHeader, encodeHeader } from './frame-codec.js';
import { decodeCoordinatorMessage, decodeWorkerMessage, encodeMessage } from './message-codec.js';
import { decodePlain, encodePlain } from './plain-msgpack.js';
import { evaluated, failed, hello, plan, save, stop } from './testing/messages.js';

const messages: readonly Message[] = [hello, evaluated, failed, plan, save, stop];
const header = { runId: 'run', epoch: 0, step: 70_000, phase: 'scatter', part: [3, 1, 2 ** 33] };

/** The only allowed outcomes: a value, or a MicrotuneError `transient`. */
function attempt(decode: () => unknown): void {
  try {
    decode();
  } catch (error) {
    expect(error).toBeInstanceOf(MicrotuneError);
    expect(error).toHaveProperty('code', 'transient');
  }
}

/** Bytes of a real message with some of them replaced, removed or repeated. */
const mutated = fc
  .tuple(
    fc.constantFrom(...messages.map(encodeMessage), encodeHeader(1, header)),
    fc.array(fc.tuple(fc.nat(), fc.nat(255), fc.constantFrom('set', 'cut', 'insert')), {
      minLength: 1,
      maxLength: 6,
    }),
  )
  .map(([bytes, edits]) => {
    let result = [...bytes];
    for (const [where, byte, edit] of edits) {
      const at = where % (result.length + 1);
      if (edit === 'set') result[Math.min(at, result.length - 1)] = byte;
      else if (edit === 'cut') result = result.slice(0, at);
      else result.splice(at, 0, byte);
    }
    return Uint8Array.from(result.map((byte) => byte ?? 0));
  });

/** JSON has no -0, and msgpackr renames a key that would set the prototype. */
const plainValue = fc
  .json()
  .filter((text) => !text.includes('__proto__'))
  .map((text) => JSON.parse(text) as unknown)
  .map((value) => JSON.parse(JSON.stringify(value)) as unknown);

describe('message codec', () => {
  it('gives back every message', () => {
    for (const message of [hello, evaluated, failed]) {
      expect(decodeWorkerMessage(encodeMessage(message), 'rank 1')).toEqual(message);
    }
    for (const message of [plan, save, stop]) {
      expect(decodeCoordinatorMessage(encodeMessage(message))).toEqual(message);
    }
  });

  it('lets optional fields be undefined', () => {
    const without = { ...save, trainerState: undefined };
    expect(decodeCoordinatorMessage(encodeMessage(without))).toEqual(without);
  });

  it('names the sender and the field of a message that breaks the schema', () => {
    const bytes = encodePlain({ ...hello, pid: -1 });
    expect(() => decodeWorkerMessage(bytes, 'rank 7')).toThrow(
      /rank 7 does not follow protocol .*pid/,
    );
    expect(() => decodeCoordinatorMessage(encodeMessage(hello))).toThrow(/the coordinator/);
  });

  it('survives mutated bytes', () => {
    fc.assert(
      fc.property(mutated, (bytes) => {
        attempt(() => decodeWorkerMessage(bytes, 'rank 0'));
        attempt(() => decodeCoordinatorMessage(bytes));
        attempt(() => decodeHeader(bytes));
      }),
      { numRuns: 5000 },
    );
  });

  it('survives random bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        attempt(() => decodePlain(bytes, 'somebody'));
        attempt(() => decodeHeader(bytes));
      }),
      { numRuns: 5000 },
    );
  });

  it('decodes what it accepts as plain values', () => {
    fc.assert(
      fc.property(plainValue, (value) => {
        expect(decodePlain(encodePlain(value), 'somebody')).toEqual(value);
      }),
    );
  });

  it('refuses extensions before the decoder sees them', () => {
    const rich = new Packr({ moreTypes: true, structuredClone: true });
    const loop: { self?: unknown } = {};
    loop.self = loop;
    const values = [new Date(0), new Error('x'), /x/, new Set([1]), loop, new Float32Array(4)];
    for (const value of values) {
      expect(() => decodePlain(rich.pack(value), 'somebody')).toThrow(/is not allowed/);
    }
    const records = new Packr({ useRecords: true });
    expect(() => decodePlain(records.pack({ a: 1 }), 'somebody')).toThrow(/is not allowed/);
  });

  it('refuses lengths beyond the end, deep nesting and trailing bytes', () => {
    const claims = [0xdd, 0xdf, 0xc6, 0xdb].map((type) => [type, 0xff, 0xff, 0xff, 0xff]);
    for (const claim of claims) {
      expect(() => decodePlain(Uint8Array.from(claim), 'somebody')).toThrow(/cut short/);
    }
    const deep = new Uint8Array(100_000).fill(0x91);
    expect(() => decodePlain(deep, 'somebody')).toThrow(/nested more than/);
    expect(() => decodePlain(Uint8Array.from([1, 2]), 'somebody')).toThrow(/after the end/);
    expect(() => decodePlain(Uint8Array.from([0x81, 1, 2]), 'somebody')).toThrow(
      /key is not a string/,
    );
  });
});

describe('frame header', () => {
  it('comes back as it was', () => {
    expect(decodeHeader(encodeHeader(2, header))).toEqual({ from: 2, header });
  });

  it('may say where the payload is instead of carrying it', () => {
    const reference = { address: 2 ** 47 - 4096, byteLength: 1_048_576 };
    expect(decodeHeader(encodeHeader(2, header, reference))).toEqual({
      from: 2,
      header,
      reference,
    });
    for (const place of [
      [-1, 8],
      [4096, -8],
      [2 ** 60, 8],
      [4096, 2 ** 24],
      ['x', 8],
    ])
      // prettier-ignore
      expect(() => decodeHeader(encodePlain([1, 'run', 0, 1, 'scatter', [], ...place]))).toThrow(
        'rank 1 sent a frame whose payload is nowhere',
      );
    expect(() => decodeHeader(encodePlain([1, 'run', 0, 1, 'scatter', [], 4096]))).toThrow(
      /begin with/,
    );
  });

  it('has six fields of the right types', () => {
    expect(() => decodeHeader(encodePlain([1, 'run', 0, 1, 'scatter']))).toThrow(
      /does not begin with/,
    );
    expect(() => decodeHeader(encodePlain([1, 'run', 0, -1, 'scatter', []]))).toThrow(/begin with/);
    expect(() => decodeHeader(encodePlain([1, 'run', 0, 1, 'scatter', ['x']]))).toThrow(
      /begin with/,
    );
  });
});
