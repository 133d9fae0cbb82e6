/**
 * Which tokens of a text are learned, from the places of the learned parts. The whole text is tokenized at once and then looked
 * through, never piece by piece: tokens at a border would come out otherwise than the model sees them.
 *
 * A token that begins before a learned part and reaches into it is learned: to continue the prompt the model must give it.
 */
import type { TokenSpans } from '@microtune/data';
import type { Span } from '../chat/render-turns.js';

export interface LearnedTokens {
  /** [tokens] 1 for a token that is learned. */
  readonly flags: Uint8Array;
  /** Learned tokens that begin before their part. */
  readonly straddling: number;
}

/**
 * @param spans in order, without overlap, in UTF-16 units of `text`; undefined: the whole text
 * @param tokens of the whole text
 */
export function learnedTokens(
  text: string,
  spans: readonly Span[] | undefined,
  { ids, places }: TokenSpans,
): LearnedTokens {
  const flags = new Uint8Array(ids.length);
  if (spans === undefined) return { flags: flags.fill(1), straddling: 0 };
  const parts = inCodePoints(text, spans);
  let [part, reached, straddling] = [0, 0, 0];
  for (let token = 0; token < ids.length; token++) {
    const [start = 0, end = 0] = places[token] ?? [];
    // A further token of the same character, or a space whose place was trimmed away.
    const from = start < end ? start : Math.min(reached, start);
    if (end <= from) {
      flags[token] = token === 0 ? 0 : (flags[token - 1] ?? 0);
      continue;
    }
    while (part < parts.length && (parts[part]?.to ?? 0) <= from) part++;
    const here = parts[part];
    if (here !== undefined && here.from < end) {
      flags[token] = 1;
      // A space before the token may have been trimmed away from its place.
      if (Math.min(reached, from) < here.from) straddling++;
    }
    reached = Math.max(reached, end);
  }
  return { flags, straddling };
}

/** The library counts code points, JavaScript UTF-16 units. */
function inCodePoints(text: string, spans: readonly Span[]): Span[] {
  let [unit, point] = [0, 0];
  const pointAt = (target: number): number => {
    while (unit < target) {
      unit += (text.codePointAt(unit) ?? 0) > 0xffff ? 2 : 1;
      point++;
    }
    return point;
  };
  return spans.map(({ from, to }) => ({ from: pointAt(from), to: pointAt(to) }));
}
