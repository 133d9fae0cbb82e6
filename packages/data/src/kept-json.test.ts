import { mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { keptJson } from './kept-json.js';

const folder = (): string => mkdtempSync(join(tmpdir(), 'microtune-kept-'));
const schema = z.object({ count: z.number() });

describe('keptJson', () => {
  it('gives back what was written of the same identity alone', () => {
    const kept = keptJson(join(folder(), 'below', 'it'), schema);
    expect(kept.read(['a', 1])).toBeUndefined();
    kept.write(['a', 1], { count: 3 });
    expect(kept.read(['a', 1])).toEqual({ count: 3 });
    expect(kept.read(['a', 2])).toBeUndefined();
  });

  it.each(['', '{"count": 3', '{"count": "3"}', '[]'])('takes %j for absent', (content) => {
    const path = folder();
    const kept = keptJson(path, schema);
    kept.write(['a'], { count: 3 });
    const [name = ''] = readdirSync(path);
    writeFileSync(join(path, name), content);
    expect(kept.read(['a'])).toBeUndefined();
    kept.write(['a'], { count: 4 });
    expect(kept.read(['a'])).toEqual({ count: 4 });
    expect(readdirSync(path)).toEqual([name]);
  });

  it('where nothing can be written keeps nothing', () => {
    const file = join(folder(), 'file');
    writeFileSync(file, '');
    const kept = keptJson(join(file, 'below'), schema);
    kept.write(['a'], { count: 3 });
    expect(kept.read(['a'])).toBeUndefined();
  });
});
