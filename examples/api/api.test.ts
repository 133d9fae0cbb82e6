import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';

const folder = mkdtempSync(join(tmpdir(), 'microtune-examples-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const inFolder = (name: string): string => join(folder, name);

beforeAll(async () => {
  // Plain JavaScript without types, as the demo is.
  const load = (name: string): Promise<Record<string, (...args: unknown[]) => unknown>> =>
    import(new URL(`../demo/${name}`, import.meta.url).href);
  const { demoRows, asTsv } = await load('sentences.js');
  const { makeModel } = await load('model.js');
  const { train, heldOut } = demoRows!() as Record<'train' | 'heldOut', { sentence: string }[]>;
  writeFileSync(inFolder('train.tsv'), asTsv!(train) as string);
  writeFileSync(inFolder('test.tsv'), asTsv!(heldOut) as string);
  mkdirSync(inFolder('model'));
  await makeModel!(
    inFolder('model'),
    train.map(({ sentence }) => sentence),
  );
});

async function example(name: string, ...args: string[]): Promise<string> {
  const file = fileURLToPath(new URL(name, import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [file, ...args]);
  return stdout;
}

it('train.js trains and evaluates, predict.js answers with what it made', async () => {
  const run = inFolder('run');
  const trained = await example(
    'train.js',
    inFolder('model'),
    inFolder('train.tsv'),
    inFolder('test.tsv'),
    run,
  );
  expect(trained).toMatch(/step 10 of \d+: loss/);
  expect(trained).toContain('completed after');
  const [inRun, after] = [...trained.matchAll(/accuracy (\S+)/g)]
    .map(([, value]) => value)
    .slice(-2);
  expect(after).toBe(inRun);
  const answered = await example(
    'predict.js',
    run,
    'the camera work is superb',
    'i thought this was tiresome',
  );
  expect(answered.trim().split('\n')).toEqual([
    expect.stringMatching(/^(positive|negative) \(\d\.\d{3}\): the camera work is superb$/),
    expect.stringMatching(/^(positive|negative) \(\d\.\d{3}\): i thought this was tiresome$/),
  ]);
}, 120_000);
