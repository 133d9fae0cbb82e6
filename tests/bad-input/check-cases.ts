/** Every case of a table as a test: exit code, message, and what is left behind. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BadCase } from './bad-case.js';
import { leftRunning, runCase } from './run-case.js';
import { changes, makeScene, snapshot, type Scene } from './scene.js';

/** A stack, or one of JavaScript's own messages, is no answer to a user. */
const ofTheProgram = [
  /^ {4}at /m,
  /fault of microtune/,
  /internal: /,
  /\bundefined\b|\[object /,
  /is not a function|Cannot read prop/,
];

export function checkCases(subject: string, cases: readonly BadCase[]): void {
  describe(subject, () => {
    let scene: Scene;
    beforeAll(async () => {
      scene = await makeScene();
    });
    afterAll(() => scene[Symbol.asyncDispose]());

    it('has a name for each case', () => {
      expect(new Set(cases.map(({ name }) => name)).size).toBe(cases.length);
    });

    for (const bad of cases) {
      it(bad.name, async ({ skip }) => {
        if (bad.skip !== undefined) return skip(bad.skip);
        if (bad.awaits !== undefined) return skip(`awaits ${bad.awaits}`);
        const folder = scene.open();
        bad.prepare?.(folder);
        const before = snapshot(folder);
        const { code, stdout, stderr } = await runCase(bad, { folder, ...scene });

        const left = changes(before, snapshot(folder));
        expect.soft({ code, stderr, stdout }).toMatchObject({ code: bad.code });
        for (const part of [bad.message].flat()) expect.soft(stderr).toMatch(part as RegExp);
        for (const ours of ofTheProgram) expect.soft(stderr).not.toMatch(ours);
        const unwanted = left.filter((each) => bad.mayWrite?.test(each) !== true);
        expect.soft(unwanted, 'left behind in the folder').toEqual([]);
        expect.soft(leftRunning(scene), 'left running').toEqual([]);
      });
    }
  });
}
