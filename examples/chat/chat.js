/**
 * LoRA on chats with the model that ships: 400 conversations of a question and an answer, and how well those that it has
 * not seen are answered before and after. Everything lands in runs/.
 *
 *     node examples/chat/chat.js [FOLDER]            # default: runs/chat
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const run = resolve(process.argv[2] ?? join(root, 'runs', 'chat'));
process.chdir(root);

const data = `${run}-data`;
mkdirSync(data, { recursive: true });
for (const split of ['train', 'held-out'])
  writeFileSync(join(data, `${split}.jsonl`), chatsOf(`examples/demo/${split}.tsv`));

// That it is a language model that is trained is told from model and rows.
const options = {
  model_name_or_path: 'examples/model/nouns',
  train_file: join(data, 'train.jsonl'),
  validation_file: join(data, 'held-out.jsonl'),
  output_dir: run,
  overwrite_output_dir: true,
  method: 'lora',
  lora_r: 16,
  lora_alpha: 32,
  lora_target_modules: 'all-linear',
  learning_rate: 1e-2,
  max_steps: 100,
  train_batch_size: 32,
  eval_on_start: true,
  save_strategy: 'no',
};
const args = Object.entries(options).map(([name, value]) => `--${name}=${value}`);
console.log(`$ npx microtune train ${args.map((arg) => arg.replace('=', ' ')).join(' ')}`);
const { status } = spawnSync(
  process.execPath,
  ['packages/cli/bin/microtune.js', 'train', ...args],
  {
    stdio: 'inherit',
  },
);
process.exit(status ?? 1);

/** Each definition as a question, and what it defines as the answer. */
function chatsOf(file) {
  const [, ...lines] = readFileSync(file, 'utf8').trim().split('\n');
  const chats = lines.map((line) => {
    const [definition, kind] = line.split('\t');
    const messages = [
      { role: 'user', content: `what is it? ${definition}` },
      { role: 'assistant', content: kind },
    ];
    return `${JSON.stringify({ messages })}\n`;
  });
  return chats.join('');
}
