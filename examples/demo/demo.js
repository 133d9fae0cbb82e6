/**
 * The whole of Microtune in a minute: a small language model that has read a dictionary learns with two worker processes
 * from 400 labelled rows what kind of thing a definition means. Then the same without what it had read, to see what that
 * is worth.
 *
 * Run by `npm run demo` from the root, after `npm install` and `npm run build`. Everything lands in runs/.
 * Where model and rows come from: examples/model/README.md.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { accuraciesOf, sideBySide } from './curves.js';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const bin = join(root, 'packages', 'cli', 'bin', 'microtune.js');
const heldOut = 'examples/demo/held-out.tsv';
const tuned = 'runs/demo';
const fromNothing = 'runs/demo-from-nothing';
/** Chance is 0.125. */
const leastAccuracy = 0.65;
const leastGain = 0.1;

const options = [
  '--model_name_or_path=examples/model/nouns',
  '--train_file=examples/demo/train.tsv',
  `--validation_file=${heldOut}`,
  '--workers=2',
  '--max_steps=50',
  '--train_batch_size=32',
  '--learning_rate=1e-3',
  '--warmup_ratio=0.1',
  '--max_seq_length=32',
  '--micro_batch_tokens=256',
  '--logging_steps=25',
  '--eval_on_start',
  '--eval_strategy=steps',
  '--eval_steps=10',
  '--save_strategy=no',
];

process.chdir(root);
for (const folder of [tuned, fromNothing]) rmSync(folder, { recursive: true, force: true });

microtune(['train', ...options, `--output_dir=${tuned}`]);
microtune(['train', '--from_scratch', ...options, `--output_dir=${fromNothing}`]);
microtune(['eval', tuned, `--file=${heldOut}`]);
microtune(
  ['predict', tuned],
  [
    { text: 'a small brown bird that lives near rivers.' },
    { text: 'someone who repairs old clocks.' },
  ],
);

const curves = { 'fine-tuned': accuraciesOf(tuned), 'from nothing': accuraciesOf(fromNothing) };
console.log(`Accuracy on 400 definitions that neither has seen, of 8 kinds (chance 0.125):\n`);
console.log(`${sideBySide(curves)}\n`);
const [best, other] = [tuned, fromNothing].map(
  (folder) => JSON.parse(readFileSync(join(folder, 'summary.json'), 'utf8')).eval.accuracy,
);
if (!(best >= leastAccuracy && best - other >= leastGain)) {
  console.error(
    `demo: accuracy is ${best} fine-tuned and ${other} from nothing; ` +
      `expected at least ${leastAccuracy}, and ${leastGain} more than from nothing`,
  );
  process.exit(1);
}
console.log(
  `Fine-tuned ${best}, from nothing ${other}. Results are in ${tuned}/: ` +
    'summary.json, metrics.jsonl, logs/ and the trained model.',
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
