import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

it('fits the ring, compiled and eagerly alike', async () => {
  const program = fileURLToPath(new URL('fit-ring.js', import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [program, '--json']);
  const { firstLoss, lastLoss, lastLossEager, accuracy } = JSON.parse(stdout) as Record<
    string,
    number
  >;
  expect(firstLoss).toBeCloseTo(Math.log(2), 5);
  expect(lastLoss).toBeLessThan(0.2);
  expect(Math.abs(lastLoss! - lastLossEager!)).toBeLessThan(1e-4);
  expect(accuracy).toBeGreaterThan(0.95);
});
