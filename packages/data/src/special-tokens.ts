/** The tokens a model folder gives a name: begin, end, padding. */
import { join } from 'node:path';
import { parseJsonObject } from './json-object.js';
import { readIfThere } from './text-tokenizer.js';

/** Contents of the tokens by name (`bos_token`, `eos_token`, `pad_token`…); a name without a token is missing. */
export type SpecialTokens = Readonly<Record<string, string>>;

const name = /^(?:bos|eos|unk|sep|pad|cls|mask)_token$/;

/**
 * From special_tokens_map.json and, before it, tokenizer_config.json.
 * @throws MicrotuneError `data` when a file is there but broken
 */
export async function readSpecialTokens(folder: string): Promise<SpecialTokens> {
  const found: Record<string, string> = {};
  for (const file of ['special_tokens_map.json', 'tokenizer_config.json']) {
    const path = join(folder, file);
    const text = await readIfThere(path);
    if (text === undefined) continue;
    for (const [key, value] of Object.entries(parseJsonObject(text, path))) {
      const content = name.test(key) ? contentOf(value) : undefined;
      if (content !== undefined) found[key] = content;
    }
  }
  return found;
}

/** A token is written as its text, or as an object with its `content`. */
function contentOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  if (typeof value !== 'object' || value === null || !('content' in value)) return undefined;
  return typeof value.content === 'string' ? value.content : undefined;
}
