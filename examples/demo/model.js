/** A BERT small enough to learn from scratch in seconds, with random weights, as a HuggingFace folder. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createArena } from '@microtune/arena';
import {
  allocateBlock,
  blockCount,
  createModel,
  layOutParameters,
  saveModel,
} from '@microtune/models';
import { makeTokenizer } from './tokenizer.js';

/**
 * @param {string} folder existing folder that gets config.json, model.safetensors and the tokenizer
 * @param {string[]} sentences whose words make the vocabulary
 */
export async function makeModel(folder, sentences) {
  const { tokenizer, vocabSize } = makeTokenizer(sentences);
  const config = {
    model_type: 'bert',
    vocab_size: vocabSize,
    hidden_size: 64,
    num_hidden_layers: 2,
    num_attention_heads: 4,
    intermediate_size: 256,
    max_position_embeddings: 64,
  };
  const model = createModel(config, {
    seed: 1,
    task: { kind: 'sequence-classification', labels: ['negative', 'positive'] },
  });
  const layout = layOutParameters(model.program.parameters);
  const parameters = allocateBlock(await createArena(blockCount(layout)), layout);
  await model.load((parameter) => parameters.view(parameter));
  await saveModel(folder, { model, parameters });

  // Last, because a saved model replaces the tokenizer files of its folder.
  tokenizer.save(join(folder, 'tokenizer.json'), true);
  const names = { pad_token: '[PAD]', unk_token: '[UNK]', cls_token: '[CLS]', sep_token: '[SEP]' };
  const tokenizerConfig = { tokenizer_class: 'BertTokenizer', do_lower_case: true, ...names };
  writeFileSync(
    join(folder, 'tokenizer_config.json'),
    `${JSON.stringify({ ...tokenizerConfig, mask_token: '[MASK]', model_max_length: 64 }, null, 2)}\n`,
  );
}
