import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createScene } from '../testing/scene.js';

const scene = createScene();
const { folder, model, microtune, start } = scene;
beforeAll(() => scene.prepare());
afterAll(() => scene.remove());

const textOf = (n: number): string => `w${n} w${n + 1} w${2 * n} w${(n * n) % 1000}`;
const predict = ['predict', model, '--engine', 'onnx', '--threads', '1'];

describe('microtune predict', () => {
  it('answers each line in order, and rubbish with an error record', async () => {
    const inputs = Array.from({ length: 300 }, (_, n) => JSON.stringify({ text: textOf(n) }));
    inputs[100] = '{"text": rubbish';
    const forward = await microtune(predict, inputs.map((line) => `${line}\n`).join(''));
    expect(forward).toMatchObject({
      code: 0,
      stderr: expect.stringMatching(
        /^note: 1 of 300 lines have no answer; the first: .*:101: bad JSON/,
      ),
    });
    const records = forward.lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(records).toHaveLength(300);
    expect(records[100]).toMatchObject({ line: 101 });
    expect(String(records[100]?.['error'])).toContain('JSON');
    expect(records[99]).toMatchObject({ label: expect.stringMatching(/positive|negative/) });

    // The same lines from the last to the first: each keeps its own answer.
    const backward = await microtune(
      predict,
      inputs
        .toReversed()
        .map((line) => `${line}\n`)
        .join(''),
    );
    const scores = (lines: readonly string[]) =>
      lines.map((line) => Number((JSON.parse(line) as { score?: number }).score));
    const [there, back] = [scores(forward.lines), scores(backward.lines).toReversed()];
    expect(new Set(there).size).toBeGreaterThan(200);
    for (const [n, score] of there.entries()) {
      if (n !== 100) expect(back[n]).toBeCloseTo(score, 5);
    }
  });

  it('answers a line before the next one comes, and leaves quietly when nobody reads any more', async () => {
    const child = start(...predict);
    let errors = '';
    child.stderr.on('data', (chunk: Buffer) => (errors += String(chunk)));
    child.stdin.on('error', () => undefined);
    child.stdin.write(`{"text":"${textOf(1)}"}\n`);
    const [answer] = (await once(child.stdout, 'data')) as [Buffer];
    expect(JSON.parse(String(answer))).toHaveProperty('label');
    child.stdout.destroy();
    for (let n = 0; n < 50; n++) child.stdin.write(`{"text":"${textOf(n)}"}\n`);
    const [code] = (await once(child, 'exit')) as [number | null];
    expect({ code, errors }).toEqual({ code: 0, errors: '' });
  });

  it('E18: tells line and id, keeps blank lines, and fails when no line has an answer', async () => {
    const some = await microtune(predict, '{"id":"x1","text":"w1 w2"}\n\n{"text":"w3"}\n');
    expect(some.code).toBe(0);
    expect(some.lines.map((line) => JSON.parse(line) as unknown)).toMatchObject([
      { line: 1, id: 'x1', label: expect.any(String) as unknown },
      { line: 2, error: 'standard input:2: blank line' },
      { line: 3, label: expect.any(String) as unknown },
    ]);
    const none = await microtune(
      predict,
      'rubbish\n{"text":7.5e999}\n\n'.replace('7.5e999', 'null'),
    );
    expect(none).toMatchObject({
      code: 65,
      stderr: expect.stringMatching(
        /none of 3 lines has an answer: standard input:1: bad JSON/,
      ) as unknown,
    });
    expect(none.lines).toHaveLength(3);
  });

  it('takes a text file, a text per line', async () => {
    const file = join(folder, 'lines.txt');
    writeFileSync(file, 'w1 w2\nw3\n');
    const { code, lines } = await microtune([...predict, '--file', file]);
    expect({ code, lines: lines.length }).toEqual({ code: 0, lines: 2 });
  });

  it('refuses a model that was never trained', async () => {
    const untrained = join(folder, 'untrained');
    mkdirSync(untrained);
    const { code, stderr } = await microtune(['predict', untrained]);
    expect(code).toBe(64);
    expect(stderr).toContain('holds no trained model');
  });
});

describe('microtune predict --json', () => {
  it('answers an error as a JSON line, too', async () => {
    const { code, lines } = await microtune([...predict, '--json', '--file', 'none.jsonl']);
    expect(code).toBe(65);
    expect(lines.map((line) => JSON.parse(line) as unknown)).toMatchObject([
      { type: 'error', code: 'data', exit_code: 65 },
    ]);
  });
});
