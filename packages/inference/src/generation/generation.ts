/** Answers under way, as a caller sees them: a promise of all, and an iterable of the pieces as they come. */
import type { Finish } from './generate-texts.js';

/** A piece of an answer. The pieces of a prompt, one behind the other, are its answer's text. */
export interface GeneratedPiece {
  /** Which of the prompts, from 0. */
  readonly prompt: number;
  readonly text: string;
}

export interface GeneratedText {
  readonly text: string;
  /** Why it ended. */
  readonly finish: Finish;
  readonly promptTokens: number;
  readonly newTokens: number;
}

/**
 * Await it for all answers, in the order of the prompts, or iterate over the pieces as they are made; after the last the iterator
 * throws what went wrong, if anything did. Leaving the loop early ends the answers where they are.
 */
export interface Generation extends Promise<GeneratedText[]>, AsyncIterable<GeneratedPiece> {}

/** @param make tells every piece, and gives all answers; ends early when the signal is aborted */
export function generationOf(
  make: (
    tell: (piece: GeneratedPiece) => void,
    signal: AbortSignal,
  ) => Promise<readonly GeneratedText[]>,
  signal: AbortSignal | undefined,
): Generation {
  const leave = new AbortController();
  const pieces: GeneratedPiece[] = [];
  let ended = false;
  let wake = (): void => undefined;
  const tell = (piece: GeneratedPiece): void => {
    pieces.push(piece);
    wake();
  };
  const stop = AbortSignal.any([leave.signal, ...(signal === undefined ? [] : [signal])]);
  const answers = make(tell, stop)
    .then((all) => [...all])
    .finally(() => {
      ended = true;
      wake();
    });
  async function* iterate(): AsyncGenerator<GeneratedPiece> {
    // The loop that iterates hears of a failure; without this the promise would report it again, unhandled.
    answers.catch(() => undefined);
    try {
      while (!ended || pieces.length > 0) {
        const piece = pieces.shift();
        if (piece === undefined) await new Promise<void>((resolve) => (wake = resolve));
        else yield piece;
      }
    } finally {
      leave.abort();
    }
    await answers;
  }
  return Object.assign(answers, { [Symbol.asyncIterator]: iterate });
}
