/**
 * The whole of Microtune in a minute: a small BERT made from scratch learns to tell good reviews from bad ones with two
 * worker processes, is measured on sentences it has not seen, and classifies two more.
 *
 * Run by `npm run demo` from the root, after `npm install` and `npm run build`. Everything lands in runs/.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeModel } from './model.js';
import { asTsv, demoRows } from './sentences.js';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const bin = join(root, 'packages', 'cli', 'bin', 'microtune.js');
const model = 'runs/demo-model';
const run = 'runs/demo';
const leastAccuracy = 0.9;

process.chdir(root);
const { train, heldOut } = demoRows();
for (const folder of [model, run]) {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
}
// Beside the model: the run folder belongs to the run.
writeFileSync(join(model, 'train.tsv'), asTsv(train));
writeFileSync(join(model, 'held-out.tsv'), asTsv(heldOut));
await makeModel(
  model,
  train.map((row) => row.sentence),
);
console.log(`A BERT with random weights and ${train.length} sentences are in ${model}.\n`);

microtune([
  'train',
  `--model_name_or_path=${model}`,
  `--train_file=${model}/train.tsv`,
  `--validation_file=${model}/held-out.tsv`,
  `--output_dir=${run}`,
  '--workers=2',
  '--num_train_epochs=6',
  '--train_batch_size=32',
  '--learning_rate=2e-3',
  '--warmup_ratio=0.1',
  '--max_seq_length=32',
  '--micro_batch_tokens=256',
  '--logging_steps=25',
  '--eval_strategy=epoch',
  '--save_strategy=no',
]);
microtune(['eval', run, `--file=${model}/held-out.tsv`]);
microtune(
  ['predict', run],
  [
    { text: 'the camera work is superb , and my friends agreed' },
    { text: 'i thought this sequel was tiresome' },
  ],
);

const summary = JSON.parse(readFileSync(join(run, 'summary.json'), 'utf8'));
const accuracy = summary.eval.accuracy;
if (!(accuracy >= leastAccuracy)) {
  console.error(
    `demo: accuracy on unseen sentences is ${accuracy}, expected at least ${leastAccuracy}`,
  );
  process.exit(1);
}
console.log(
  `Accuracy on ${heldOut.length} unseen sentences: ${accuracy}. ` +
    `Results are in ${relative(process.cwd(), run)}/: summary.json, metrics.jsonl, logs/ and the trained model.`,
);

/** Runs the real command, shows it, and ends the demo with its exit code where it fails. */
function microtune(args, lines = []) {
  const input = lines.map((line) => `${JSON.stringify(line)}\n`).join('');
  const shown = args.map((arg) => arg.replace('=', ' ')).join(' ');
  console.log(`$ ${input === '' ? '' : `echo '${input.trimEnd()}' | `}npx microtune ${shown}`);
  const { status } = spawnSync(process.execPath, [bin, ...args], {
    input: input === '' ? undefined : input,
    stdio: [input === '' ? 'inherit' : 'pipe', 'inherit', 'inherit'],
  });
  if (status !== 0) process.exit(status ?? 1);
  console.log('');
}
