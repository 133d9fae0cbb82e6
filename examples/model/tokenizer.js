/**
 * A small WordPiece tokenizer: the commonest words of a text, the commonest beginnings and ends of its other words, and
 * letters for all that is left. Three tokens of its own mark the turns of a chat and fill up rows.
 */
import {
  Tokenizer,
  WordPiece,
  bertNormalizer,
  bertPreTokenizer,
  wordPieceDecoder,
} from 'tokenizers';

/** Padding, unknown characters, begin and end of a turn (or of a text). */
export const special = ['<|pad|>', '<|unk|>', '<|im_start|>', '<|im_end|>'];
const always = ['user', 'assistant', 'system'];
/** Letters of the beginnings and ends that count as pieces. */
const pieceLetters = [2, 3, 4, 5];

/**
 * @param {readonly string[]} lines
 * @param {{ words: number, pieces: number }} counts of whole words, and of pieces of the others
 * @returns {{ tokenizer: Tokenizer, vocabSize: number }}
 */
export function makeTokenizer(lines, counts) {
  const ofWords = countsOf(lines.flatMap((line) => line.toLowerCase().match(/[a-z]+|\d+/g) ?? []));
  const ranked = commonest(ofWords);
  const whole = ranked.slice(0, counts.words);
  const letters = [...'abcdefghijklmnopqrstuvwxyz0123456789'];
  const tokens = new Set([
    ...special,
    ...'.,:;!?\'"-()',
    ...letters,
    ...letters.map((letter) => `##${letter}`),
    ...always,
    ...whole,
    ...piecesOf(ranked.slice(counts.words), counts.pieces),
  ]);
  const vocabulary = Object.fromEntries([...tokens].map((token, id) => [token, id]));
  const tokenizer = new Tokenizer(WordPiece.init(vocabulary, { unkToken: '<|unk|>' }));
  tokenizer.setNormalizer(bertNormalizer({ lowercase: true }));
  tokenizer.setPreTokenizer(bertPreTokenizer());
  tokenizer.setDecoder(wordPieceDecoder('##', true));
  tokenizer.addSpecialTokens(special);
  return { tokenizer, vocabSize: tokens.size };
}

/** The commonest beginnings (`str`) and ends (`##ing`) of these words, longer ones before shorter ones of equal use. */
function piecesOf(words, count) {
  const pieces = words.flatMap((word) =>
    pieceLetters
      .filter((length) => length < word.length)
      .flatMap((length) => [word.slice(0, length), `##${word.slice(-length)}`]),
  );
  return commonest(countsOf(pieces)).slice(0, count);
}

function countsOf(items) {
  const counts = new Map();
  for (const item of items) counts.set(item, (counts.get(item) ?? 0) + 1);
  return counts;
}

/** Items by how often they are there; those alike in the order of their letters. */
function commonest(counts) {
  return [...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1)).map(([item]) => item);
}
