import { Writable } from 'node:stream';
import { MicrotuneError } from '@microtune/shared';
import { describe, expect, it } from 'vitest';
import { errorBlock } from './error-block.js';
import { byteSize, duration, grouped, shortNumber } from './format.js';
import { progressLine, progressLog } from './progress-line.js';
import { renderTable } from './table.js';
import { terminalLine } from './terminal-line.js';

describe('format', () => {
  it('writes numbers as people read them', () => {
    expect([0, 0.5, 4.5e-5, 0.69314718, 1234.5678, 2e7, 12, 0.1].map(shortNumber)).toEqual([
      '0',
      '0.5',
      '4.50e-5',
      '0.6931',
      '1235',
      '20000000',
      '12',
      '0.1',
    ]);
    expect([grouped(7812.4), byteSize(0), byteSize(1536), byteSize(3 * 1024 ** 3)]).toEqual([
      '7,812',
      '0 B',
      '1.5 KiB',
      '3 GiB',
    ]);
    expect([0.5, 65, 185, 7800].map(duration)).toEqual([
      '0.5 s',
      '1 min 05 s',
      '3 min 05 s',
      '2 h 10 min',
    ]);
  });
});

describe('progress', () => {
  const progress = {
    step: 10,
    totalSteps: 40,
    loss: 0.5,
    learningRate: 5e-5,
    tokensPerSecond: 7812,
    remainingSeconds: 65,
  };

  it('shows step, loss, learning rate, speed and remaining time', () => {
    expect(progressLine(progress, 120)).toBe(
      'step 10/40  [#####---------------]  loss 0.5  lr 5.00e-5  7,812 tokens/s  ETA 1 min 05 s',
    );
    expect(
      progressLog({ ...progress, step: 40, loss: undefined, tokensPerSecond: undefined }),
    ).toBe('step 40/40  lr 5.00e-5');
  });

  it('never fills the last column, so that the terminal does not wrap', () => {
    for (const columns of [30, 60, 90, 120])
      expect(progressLine(progress, columns).length).toBeLessThan(columns - 2);
  });

  it('prints lines above the drawn one', () => {
    const written: string[] = [];
    const output = new Writable({
      write: (chunk: Buffer, _, done) => (written.push(String(chunk)), done()),
    });
    const line = terminalLine(output, true);
    line.draw('a');
    line.print('log');
    line.clear();
    expect(written.join('')).toBe('\r\u001B[Ka\r\u001B[Klog\n\r\u001B[Ka\r\u001B[K');
    written.length = 0;
    const plain = terminalLine(output, false);
    plain.draw('a');
    plain.print('log');
    plain.clear();
    expect(written.join('')).toBe('log\n');
  });
});

describe('tables and errors', () => {
  it('aligns numbers to the right', () => {
    const lines = renderTable(
      ['engine', 'ms'],
      [
        ['onnx', 5],
        ['openvino', 123],
      ],
    ).split('\n');
    expect(lines.some((line) => line.includes('│   5 │'))).toBe(true);
  });

  it('shows a stack for our own faults alone, or when asked', () => {
    const usage = new MicrotuneError('usage', 'workers: too many');
    expect(errorBlock(usage, false)).toBe('error: workers: too many');
    expect(errorBlock(usage, true)).toContain('output.test');
    expect(errorBlock(new MicrotuneError('internal', 'internal: broken'), false)).toContain(
      'please report',
    );
    expect(errorBlock(new TypeError('x is undefined'), false)).toContain('output.test');
  });
});
