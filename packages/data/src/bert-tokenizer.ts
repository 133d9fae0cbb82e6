/** A tokenizer.json for folders that have only a `vocab.txt`, as older BERT models do. */
import { MicrotuneError } from '@microtune/shared';

/** Fields of tokenizer_config.json that shape a BERT tokenizer; names are HuggingFace's. */
export interface BertTokenizerConfig {
  readonly do_lower_case?: boolean;
  readonly strip_accents?: boolean | null;
  readonly tokenize_chinese_chars?: boolean;
}

const specialTokens = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'];

/**
 * @param vocabulary text of vocab.txt: one token a line, its id is its line
 * @returns the text of a tokenizer.json: BERT's normalizer, WordPiece, [CLS] A [SEP] B [SEP]
 * @throws MicrotuneError `data` when a special token is missing
 */
export function bertTokenizerJson(
  vocabulary: string,
  config: BertTokenizerConfig,
  file: string,
): string {
  const tokens = vocabulary.split(/\r?\n/);
  if (tokens.at(-1) === '') tokens.pop();
  const vocab = Object.fromEntries(tokens.map((token, id) => [token, id]));
  const idOf = (token: string): number => {
    const id = vocab[token];
    if (id === undefined)
      throw new MicrotuneError('data', `${file}: no ${token} in the vocabulary`);
    return id;
  };
  const special = (id: string, typeId: number) => ({ SpecialToken: { id, type_id: typeId } });
  const text = (id: 'A' | 'B', typeId: number) => ({ Sequence: { id, type_id: typeId } });
  const single = [special('[CLS]', 0), text('A', 0), special('[SEP]', 0)];
  const flags = {
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
    special: true,
  };
  idOf('[UNK]');
  return JSON.stringify({
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: specialTokens
      .filter((token) => Object.hasOwn(vocab, token))
      .map((content) => ({ id: idOf(content), content, ...flags })),
    normalizer: {
      type: 'BertNormalizer',
      clean_text: true,
      handle_chinese_chars: config.tokenize_chinese_chars ?? true,
      strip_accents: config.strip_accents ?? null,
      lowercase: config.do_lower_case ?? true,
    },
    pre_tokenizer: { type: 'BertPreTokenizer' },
    post_processor: {
      type: 'TemplateProcessing',
      single,
      pair: [...single, text('B', 1), special('[SEP]', 1)],
      special_tokens: Object.fromEntries(
        ['[CLS]', '[SEP]'].map((token) => [
          token,
          { id: token, ids: [idOf(token)], tokens: [token] },
        ]),
      ),
    },
    decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
    model: {
      type: 'WordPiece',
      unk_token: '[UNK]',
      continuing_subword_prefix: '##',
      max_input_chars_per_word: 100,
      vocab,
    },
  });
}
