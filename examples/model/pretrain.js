/**
 * Makes the model in nouns/ from definitions.tsv and nothing else: a tokenizer of its words, a small Llama with random
 * weights, 900 steps as a language model, the weights rounded to bfloat16. Six to ten minutes of CPU time.
 *
 *     node examples/model/pretrain.js [FOLDER]       # default: examples/model/nouns
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { writeHalf } from './half.js';
import { makeTokenizer, special } from './tokenizer.js';

const here = dirname(fileURLToPath(import.meta.url));
const model = resolve(process.argv[2] ?? join(here, 'nouns'));
process.chdir(join(here, '..', '..'));
const text = 'examples/model/definitions.tsv';
const run = 'runs/nouns';

const lines = readFileSync(text, 'utf8').trim().split('\n').slice(1);
const { tokenizer, vocabSize } = makeTokenizer(lines, { words: 3000, pieces: 800 });
const [pad, unknown, begin, end] = special;
const config = {
  model_type: 'llama',
  vocab_size: vocabSize,
  hidden_size: 128,
  intermediate_size: 344,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  max_position_embeddings: 256,
  tie_word_embeddings: true,
  pad_token_id: special.indexOf(pad),
  bos_token_id: special.indexOf(begin),
  eos_token_id: special.indexOf(end),
  initializer_range: 0.05,
};
rmSync(model, { recursive: true, force: true });
mkdirSync(model, { recursive: true });
writeJson('config.json', config);
tokenizer.save(join(model, 'tokenizer.json'), false);
writeJson('tokenizer_config.json', {
  tokenizer_class: 'PreTrainedTokenizerFast',
  eos_token: end,
  pad_token: pad,
  unk_token: unknown,
});
const generation = '{% if add_generation_prompt %}{{ "<|im_start|>assistant\\n" }}{% endif %}';
writeFileSync(
  join(model, 'chat_template.jinja'),
  `{% for message in messages %}{{ "<|im_start|>" + message.role + "\\n" + message.content + "<|im_end|>\\n" }}{% endfor %}${generation}`,
);

const options = {
  model_name_or_path: model,
  from_scratch: true,
  task: 'causal-lm',
  train_file: text,
  validation_split: 0.01,
  output_dir: run,
  overwrite_output_dir: true,
  max_steps: 900,
  train_batch_size: 128,
  micro_batch_tokens: 1024,
  max_seq_length: 64,
  learning_rate: 3e-3,
  lr_scheduler_type: 'cosine',
  warmup_ratio: 0.05,
  weight_decay: 0.01,
  logging_steps: 50,
  save_strategy: 'no',
  // From npm alone, so that everybody has it; one worker or more give the same bits.
  engine: 'onnx',
  workers: 1,
};
const args = Object.entries(options).map(([name, value]) => `--${name}=${value}`);
const bin = 'packages/cli/bin/microtune.js';
const { status } = spawnSync(process.execPath, [bin, 'train', ...args], { stdio: 'inherit' });
if (status !== 0) process.exit(status ?? 1);

const weights = join(model, 'model.safetensors');
writeHalf(join(run, 'model.safetensors'), weights);
writeJson('config.json', { ...config, architectures: ['LlamaForCausalLM'], dtype: 'bfloat16' });
console.log(
  `${weights}: sha256 ${createHash('sha256').update(readFileSync(weights)).digest('hex')}`,
);

function writeJson(name, value) {
  writeFileSync(join(model, name), `${JSON.stringify(value, undefined, 2)}\n`);
}
