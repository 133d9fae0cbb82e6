/**
 * Ends a text at the first of some strings, while the text is still being made. What could be the beginning of such a string is held
 * back until it is known, so nobody reads half of it.
 */
export interface StopFinder {
  /** @returns the part that is certain by now, without the string that ends it */
  push(piece: string): { readonly text: string; readonly stopped: boolean };
  /** What is still held back when the text ends by itself. */
  finish(): string;
}

export function createStopFinder(stops: readonly string[]): StopFinder {
  const wanted = stops.filter((stop) => stop !== '');
  let held = '';
  return {
    push(piece) {
      held += piece;
      const at = firstOf(held, wanted);
      if (at !== -1) {
        const text = held.slice(0, at);
        held = '';
        return { text, stopped: true };
      }
      const certain = held.length - openEnd(held, wanted);
      const text = held.slice(0, certain);
      held = held.slice(certain);
      return { text, stopped: false };
    },
    finish() {
      const text = held;
      held = '';
      return text;
    },
  };
}

/** Where the first of the strings begins; -1 where none is in the text. */
function firstOf(text: string, stops: readonly string[]): number {
  const places = stops.map((stop) => text.indexOf(stop)).filter((at) => at !== -1);
  return places.length === 0 ? -1 : Math.min(...places);
}

/** Length of the longest end of the text that begins one of the strings. */
function openEnd(text: string, stops: readonly string[]): number {
  let longest = 0;
  for (const stop of stops) {
    for (let length = Math.min(stop.length - 1, text.length); length > longest; length--) {
      if (text.endsWith(stop.slice(0, length))) longest = length;
    }
  }
  return longest;
}
