import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, expect, it } from 'vitest';

const folder = mkdtempSync(join(tmpdir(), 'microtune-examples-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const pathOf = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

async function example(name: string, ...args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, [pathOf(name), ...args]);
  return stdout;
}

it('train.js trains and evaluates, predict.js answers with what it made', async () => {
  const run = join(folder, 'run');
  const trained = await example(
    'train.js',
    pathOf('../model/nouns'),
    pathOf('../demo/train.tsv'),
    pathOf('../demo/held-out.tsv'),
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
    'a small brown bird that lives near rivers.',
    'someone who repairs old clocks.',
  );
  expect(answered.trim().split('\n')).toEqual([
    expect.stringMatching(/^animal \(\d\.\d{3}\): a small brown bird/),
    expect.stringMatching(/^person \(\d\.\d{3}\): someone who repairs/),
  ]);
}, 120_000);
