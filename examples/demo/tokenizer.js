/** A small WordPiece tokenizer whose vocabulary is the words of the demo's data, and letters for all others. */
import {
  Tokenizer,
  WordPiece,
  bertNormalizer,
  bertPreTokenizer,
  templateProcessing,
  wordPieceDecoder,
} from 'tokenizers';

const special = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'];

/**
 * @param {string[]} sentences
 * @returns {{ tokenizer: Tokenizer, vocabSize: number }}
 */
export function makeTokenizer(sentences) {
  const words = new Set(sentences.flatMap((sentence) => sentence.toLowerCase().split(/\s+/)));
  const letters = [...'abcdefghijklmnopqrstuvwxyz0123456789'];
  const tokens = new Set([
    ...special,
    ...'.,!?\'"-',
    ...letters,
    ...letters.map((letter) => `##${letter}`),
    ...[...words].sort(),
  ]);
  const vocabulary = Object.fromEntries([...tokens].map((token, id) => [token, id]));

  const tokenizer = new Tokenizer(WordPiece.init(vocabulary, { unkToken: '[UNK]' }));
  tokenizer.setNormalizer(bertNormalizer({ lowercase: true }));
  tokenizer.setPreTokenizer(bertPreTokenizer());
  tokenizer.setPostProcessor(
    templateProcessing('[CLS] $A [SEP]', '[CLS] $A [SEP] $B:1 [SEP]:1', [
      ['[CLS]', vocabulary['[CLS]']],
      ['[SEP]', vocabulary['[SEP]']],
    ]),
  );
  tokenizer.setDecoder(wordPieceDecoder('##', true));
  tokenizer.addSpecialTokens(special);
  return { tokenizer, vocabSize: tokens.size };
}
