/** The forms that the search has found for the same lengths and limits before: it takes a third of a second of a start. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { z } from 'zod';
import type { ShardForms } from './choose-shapes.js';
import { keptJson } from './kept-json.js';

/** Raised when the search finds other forms for the same request; its test tells. */
export const searchVersion = 1;

const count = z.number().int().positive();
const schema: z.ZodType<ShardForms> = z.object({
  shapes: z.array(z.object({ rows: count, tokens: count, samplesPerRow: count })).min(1),
  packing: z.object({ rowTokens: z.number().int().nonnegative(), samplesPerRow: count }),
});

/**
 * What `search` gives for `request`, kept for the next process.
 * @param kind names the search
 * @param cacheFolder undefined keeps nothing
 */
export function keptForms<Request extends { readonly lengths: Int32Array }>(
  kind: 'training' | 'evaluation',
  cacheFolder: string | undefined,
  request: Request,
  search: (request: Request) => ShardForms,
): ShardForms {
  if (cacheFolder === undefined) return search(request);
  const kept = keptJson(join(cacheFolder, 'shapes'), schema);
  const { lengths, ...limits } = request;
  const identity = [
    searchVersion,
    kind,
    createHash('sha256').update(lengths).digest('hex'),
    Object.entries(limits).sort(),
  ];
  const known = kept.read(identity);
  if (known !== undefined) return known;
  const found = search(request);
  kept.write(identity, found);
  return found;
}
