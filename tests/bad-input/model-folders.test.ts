import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  bothWays,
  modelAndData,
  mostlyChecked,
  onnx,
  type BadCase,
  type BadRun,
} from './bad-case.js';
import { headerBytes, rewriteWeights, type Header, type Tensor } from './rewrite-weights.js';
import { checkCases } from './check-cases.js';

type Json = Record<string, unknown>;

const model = (
  name: string,
  prepare: (model: string) => void,
  message: BadCase['message'],
  code = 65,
) => ({
  name,
  args: [...modelAndData, ...onnx],
  code,
  message,
  prepare: (folder: string) => prepare(join(folder, 'model')),
});
const config = (name: string, change: Json, message: BadCase['message'], code = 65) =>
  model(
    name,
    (folder) => {
      const file = join(folder, 'config.json');
      writeFileSync(
        file,
        JSON.stringify({ ...(JSON.parse(readFileSync(file, 'utf8')) as Json), ...change }),
      );
    },
    message,
    code,
  );
const write = (
  name: string,
  file: string,
  content: string | Uint8Array,
  message: BadCase['message'],
) => model(name, (folder) => writeFileSync(join(folder, file), content), message);

/** The weights file changed and put together again. */
const weights = (
  name: string,
  change: (header: Header, data: Buffer) => unknown,
  message: BadCase['message'],
) => model(name, (folder) => rewriteWeights(join(folder, 'model.safetensors'), change), message);
const someName = 'bert.encoder.layer.0.attention.self.query.weight';
const tensorOf = (header: Header): Tensor => {
  const tensor = header[someName];
  if (tensor === undefined)
    throw new Error(`there is no ${someName} in ${Object.keys(header).join()}`);
  return tensor;
};
const raw = (name: string, content: (bytes: Buffer) => Uint8Array, message: BadCase['message']) =>
  model(
    name,
    (folder) => {
      const file = join(folder, 'model.safetensors');
      writeFileSync(file, content(readFileSync(file)));
    },
    message,
  );

const runs: BadRun[] = [
  {
    name: 'no such folder',
    args: ['--model_name_or_path', 'nowhere', '--train_file', 'train.tsv'],
    code: 64,
    message: /model_name_or_path: folder nowhere does not exist/,
  },
  {
    name: 'a name of the hub',
    args: ['--model_name_or_path', 'google-bert/bert-base-uncased', '--train_file', 'train.tsv'],
    code: 64,
    message: [/google-bert\/bert-base-uncased/, /nothing is downloaded/],
  },
  {
    name: 'a file for the folder',
    args: ['--model_name_or_path', 'train.tsv', '--train_file', 'train.tsv'],
    code: 64,
    message: /model_name_or_path: train\.tsv is no model folder/,
  },
  model(
    'an empty folder',
    (folder) => {
      rmSync(folder, { recursive: true });
      mkdirSync(folder);
    },
    /has no config\.json/,
    64,
  ),
  write(
    'config.json that is not JSON',
    'config.json',
    '{"model_type": "bert",',
    /model\/config\.json/,
  ),
  write('config.json of zero bytes', 'config.json', '', /model\/config\.json/),
  write('config.json that is a list', 'config.json', '[]', /model\/config\.json/),
  write('config.json that is null', 'config.json', 'null', /model\/config\.json/),
  model(
    'config.json that is a folder',
    (folder) => {
      rmSync(join(folder, 'config.json'));
      mkdirSync(join(folder, 'config.json'));
    },
    /config\.json/,
  ),
  config('an unknown model_type', { model_type: 'gpt9' }, /gpt9/, 64),
  config('no model_type', { model_type: undefined }, /model_type/, 64),
  config('a model_type that is a number', { model_type: 3 }, /model_type/, 64),
  config('no hidden_size', { hidden_size: undefined }, /768/),
  config('a negative hidden_size', { hidden_size: -32 }, /hidden_size/),
  config(
    'a hidden_size that the heads do not divide',
    { num_attention_heads: 3 },
    /num_attention_heads|heads/,
  ),
  config('a hidden_size that is a word', { hidden_size: 'large' }, /hidden_size/),
  config('another hidden_size than the weights', { hidden_size: 64 }, [/64/, /32/]),
  config('no layers', { num_hidden_layers: 0 }, /num_hidden_layers/),
  config(
    'fewer layers than the weights',
    { num_hidden_layers: 1 },
    /the number of layers is 1, the weights hold 2 .*layer\.1/,
  ),
  config('more layers than the weights', { num_hidden_layers: 3 }, /layer\.2/),
  config('a vocabulary larger than the weights', { vocab_size: 99 }, /vocab_size|word_embeddings/),
  config('a negative vocabulary', { vocab_size: -1 }, /vocab_size/),
  config('an activation that is unknown', { hidden_act: 'swish9' }, /hidden_act.*gelu/),
  config('a dropout of 2', { hidden_dropout_prob: 2 }, /hidden_dropout_prob/),
  config('a layer norm epsilon that is a word', { layer_norm_eps: 'small' }, /layer_norm_eps/),
  config('too many positions', { max_position_embeddings: 4096 }, /position_embeddings/),
  model(
    'no weights',
    (folder) => rmSync(join(folder, 'model.safetensors')),
    /model\.safetensors.*--from_scratch/,
  ),
  {
    name: 'a method on random weights',
    args: [...modelAndData, ...onnx, '--from_scratch', '--method', 'lora'],
    code: 64,
    message: /--from_scratch .*leave --method lora out/,
  },
  model(
    'weights in the format of PyTorch alone',
    (folder) => {
      rmSync(join(folder, 'model.safetensors'));
      writeFileSync(join(folder, 'pytorch_model.bin'), 'PK');
    },
    /model\.safetensors/,
  ),
  raw('weights of zero bytes', () => Buffer.alloc(0), /model\.safetensors/),
  raw('weights of five bytes', () => Buffer.from('hello'), /model\.safetensors/),
  raw('weights cut in half', (bytes) => bytes.subarray(0, bytes.length / 2), [
    /model\.safetensors/,
    /cut short|bytes/,
  ]),
  raw('weights cut by one byte', (bytes) => bytes.subarray(0, -1), [
    /model\.safetensors/,
    /cut short|bytes/,
  ]),
  raw(
    'weights with bytes behind',
    (bytes) => Buffer.concat([bytes, Buffer.alloc(64)]),
    /model\.safetensors/,
  ),
  raw(
    'a header that claims to be huge',
    (bytes) => {
      const copy = Buffer.from(bytes);
      copy.writeBigUInt64LE(2n ** 62n);
      return copy;
    },
    /model\.safetensors/,
  ),
  raw('a header that is not JSON', () => headerBytes('{"a": '), /model\.safetensors/),
  raw('a header that is a list', () => headerBytes('[]'), /model\.safetensors/),
  raw('a header without a tensor', () => headerBytes('{}'), /word_embeddings\.weight.*missing/),
  raw(
    'a pointer of Git LFS',
    () => Buffer.from('version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 100\n'),
    [/model\.safetensors/, /LFS|lfs/],
  ),
  weights(
    'a tensor that is missing',
    (header) => {
      Reflect.deleteProperty(header, someName);
    },
    /model\.safetensors/,
  ),
  weights(
    'a tensor of another shape',
    (header) => {
      tensorOf(header).shape = [16, 64];
    },
    /query\.weight/,
  ),
  weights(
    'a tensor of an unknown type',
    (header) => {
      tensorOf(header).dtype = 'Q4_0';
    },
    [/query\.weight/, /Q4_0/],
  ),
  weights(
    'a tensor of integers',
    (header) => {
      tensorOf(header).dtype = 'I32';
    },
    [/query\.weight/, /I32/],
  ),
  weights(
    'a tensor that reaches beyond the file',
    (header) => {
      tensorOf(header).data_offsets[1] += 1e9;
    },
    /query\.weight|model\.safetensors/,
  ),
  weights(
    'a tensor that begins after its end',
    (header) => {
      tensorOf(header).data_offsets.reverse();
    },
    /query\.weight|model\.safetensors/,
  ),
  weights(
    'tensors that overlap',
    (header) => {
      const tensor = tensorOf(header);
      const size = tensor.data_offsets[1] - tensor.data_offsets[0];
      tensor.data_offsets = [4, 4 + size];
    },
    /query\.weight|model\.safetensors|overlap/,
  ),
  weights(
    'a shape of the wrong size',
    (header) => {
      tensorOf(header).shape = [32, 33];
    },
    /query\.weight/,
  ),
  weights(
    'a negative shape',
    (header) => {
      tensorOf(header).shape = [-32, -32];
    },
    /query\.weight|model\.safetensors/,
  ),
  model(
    'no tokenizer',
    (folder) => {
      rmSync(join(folder, 'vocab.txt'));
      rmSync(join(folder, 'tokenizer.json'), { force: true });
    },
    /tokenizer\.json|vocab\.txt/,
  ),
  write('a tokenizer that is not JSON', 'tokenizer.json', '{"version": ', /tokenizer\.json/),
  write('a tokenizer that is an empty object', 'tokenizer.json', '{}', /tokenizer\.json/),
  write('a vocabulary of zero bytes', 'vocab.txt', '', /vocab\.txt/),
  write('a vocabulary without [UNK]', 'vocab.txt', '[PAD]\n[CLS]\n[SEP]\nfilm\n', [
    /vocab\.txt/,
    /UNK/,
  ]),
  write(
    'a vocabulary larger than the model',
    'vocab.txt',
    `[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n${Array.from({ length: 90 }, (_, n) => `w${n}`).join('\n')}\nfilm\nthe\na\n`,
    /vocab|embedding/,
  ),
  write(
    'a tokenizer_config.json that is not JSON',
    'tokenizer_config.json',
    '{',
    /tokenizer_config\.json/,
  ),
];
/** Found by `check`, and in `train` by the workers that read the weights. */
const notFinite: BadRun[] = [
  weights(
    'NaN in a tensor',
    (header, data) => {
      const copy = Buffer.from(data);
      copy.writeFloatLE(NaN, tensorOf(header).data_offsets[0]);
      return copy;
    },
    [/query\.weight/, /not finite, the first NaN at index 0/],
  ),
  weights(
    'an infinity in a tensor',
    (header, data) => {
      const copy = Buffer.from(data);
      copy.writeFloatLE(Infinity, tensorOf(header).data_offsets[0]);
      return copy;
    },
    [/query\.weight/, /not finite, the first Infinity at index 0/],
  ),
];
const table: BadCase[] = [...mostlyChecked(runs, 10), ...bothWays(notFinite)];

checkCases('model folders', table);
