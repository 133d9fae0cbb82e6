import { createHash } from 'node:crypto';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { chooseEvaluationShapes, chooseShapes, type ShardForms } from './choose-shapes.js';
import { keptForms, searchVersion } from './kept-forms.js';
import { createRandom } from './random.js';

const lengths = (count: number, longest: number): Int32Array => {
  const random = createRandom([count, longest]);
  return Int32Array.from({ length: count }, () => 1 + random.below(longest));
};
const limits = { trainBatchSize: 16, microBatchTokens: 512, maxSeqLength: 128, seed: 1 };

describe('keptForms', () => {
  it('searches once for the same request, whoever asks', () => {
    const folder = mkdtempSync(join(tmpdir(), 'microtune-forms-'));
    let searches = 0;
    const search = (request: Parameters<typeof chooseShapes>[0]): ShardForms => {
      searches += 1;
      return chooseShapes(request);
    };
    const request = { ...limits, lengths: lengths(100, 60) };
    const first = keptForms('training', folder, request, search);
    expect(keptForms('training', folder, { ...request }, search)).toEqual(first);
    expect(searches).toBe(1);
    keptForms('training', folder, { ...request, seed: 2 }, search);
    keptForms('training', folder, { ...request, lengths: lengths(101, 60) }, search);
    keptForms('training', undefined, request, search);
    expect(searches).toBe(4);
  });

  it('of this version are what the search finds: raise searchVersion with this hash', () => {
    const found = [
      ...[8, 60, 300].map((longest) =>
        chooseShapes({ ...limits, maxSeqLength: 512, lengths: lengths(300, longest) }),
      ),
      ...[8, 60, 300].map((longest) =>
        chooseEvaluationShapes({
          ...{ lengths: lengths(300, longest), microBatchTokens: 1024, maxSeqLength: 512 },
        }),
      ),
    ];
    const hash = createHash('sha256').update(JSON.stringify(found)).digest('hex').slice(0, 16);
    expect([searchVersion, hash]).toEqual([1, '3505f1da0d0346fb']);
  });
});
