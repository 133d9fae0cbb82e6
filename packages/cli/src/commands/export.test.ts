import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createScene } from '../testing/scene.js';

const scene = createScene();
const { folder, model, data, held, microtune } = scene;
const adapter = join(folder, 'adapter');
const text = '{"text":"w1 w2 w3"}\n';

beforeAll(async () => {
  await scene.prepare();
  // As a user in the project's folder writes it.
  const trained = await microtune(
    [
      ...[
        'train',
        '--model_name_or_path',
        'model',
        '--train_file',
        data,
        '--output_dir',
        'adapter',
      ],
      ...[
        '--max_seq_length',
        '16',
        '--engine',
        'onnx',
        '--max_steps',
        '2',
        '--learning_rate',
        '0.1',
      ],
      ...['--method', 'lora', '--lora_r', '4', '--save_strategy', 'no'],
    ],
    '',
    folder,
  );
  expect(trained, trained.stderr).toMatchObject({ code: 0 });
});
afterAll(() => scene.remove());

const scoresOf = async (where: string, ...more: readonly string[]): Promise<unknown> => {
  const said = await microtune(['predict', where, '--engine', 'onnx', ...more], text);
  expect(said, said.stderr).toMatchObject({ code: 0 });
  return (JSON.parse(said.stdout) as { scores: Record<string, number> }).scores;
};

describe('microtune export', () => {
  it('writes an adapter and a merged model that answer alike, into new folders alone', async () => {
    const [to, merged] = [join(folder, 'a'), join(folder, 'm')];
    const first = await microtune(['export', adapter, '--to', to, '--json']);
    expect(first, first.stderr).toMatchObject({ code: 0, stderr: '' });
    const { files } = JSON.parse(first.stdout) as { files: string[] };
    expect(readdirSync(to).sort()).toEqual(files.toSorted());
    expect(files).toContain('adapter_model.safetensors');
    const second = await microtune(['export', adapter, '--merge', '--to', merged]);
    expect(second, second.stderr).toMatchObject({ code: 0 });
    expect(existsSync(join(merged, 'adapter_config.json'))).toBe(false);
    const scores = await scoresOf(adapter);
    expect(await scoresOf(to)).toEqual(scores);
    for (const [label, score] of Object.entries((await scoresOf(merged)) as object))
      expect(score).toBeCloseTo((scores as Record<string, number>)[label]!, 5);

    const again = await microtune(['export', adapter, '--to', to]);
    expect(again).toMatchObject({
      code: 64,
      stderr: expect.stringMatching(
        /to: .* cannot be written, because it holds files .*new or an empty/s,
      ) as string,
    });
    const whole = await microtune(['export', merged, '--merge', '--to', join(folder, 'x')]);
    expect(whole.code).toBe(64);
    expect(whole.stderr).toContain('nothing to merge: leave --merge out');
    expect(existsSync(join(folder, 'x'))).toBe(false);
  });

  it('finds the base model from elsewhere, says when it is gone, and takes --base', async () => {
    const config = join(adapter, 'adapter_config.json');
    expect(JSON.parse(readFileSync(config, 'utf8'))).toMatchObject({
      base_model_name_or_path: 'model',
    });
    const scores = await scoresOf(adapter);
    renameSync(model, `${model}-moved`);
    try {
      const lost = await microtune(['predict', adapter, '--engine', 'onnx'], text);
      expect(lost.code).toBe(64);
      expect(lost.stderr).toMatch(
        /says that the base model is model, and there is no such model folder here.*--base/s,
      );
      expect(await scoresOf(adapter, '--base', `${model}-moved`)).toEqual(scores);
      const evaluated = await microtune([
        ...[
          'eval',
          adapter,
          '--file',
          held,
          '--base',
          `${model}-moved`,
          '--engine',
          'onnx',
          '--json',
        ],
      ]);
      expect(JSON.parse(evaluated.stdout)).toMatchObject({ samples: 24 });
    } finally {
      renameSync(`${model}-moved`, model);
    }
  });
});

describe('--adapter_name_or_path', () => {
  const goOn = (output: string, ...more: readonly string[]) =>
    microtune([
      ...['train', '--train_file', data, '--adapter_name_or_path', adapter, '--max_steps', '2'],
      ...[
        '--max_seq_length',
        '16',
        '--engine',
        'onnx',
        '--output_dir',
        join(folder, output),
        ...more,
      ],
    ]);

  it('goes on from an adapter, with its method, options and base model', async () => {
    const said = await goOn('on', '--lora_r', '4');
    expect(said, said.stderr).toMatchObject({ code: 0 });
    const resolved = readFileSync(join(folder, 'on', 'config.resolved.yaml'), 'utf8');
    expect(resolved).toMatch(/^method: lora$/m);
    expect(resolved).toMatch(/^lora_r: 4$/m);
    expect(await scoresOf(join(folder, 'on'))).not.toEqual(await scoresOf(adapter));
    // Without a step it is the adapter that it goes on from.
    const still = await goOn('still', '--learning_rate', '0');
    expect(still, still.stderr).toMatchObject({ code: 0 });
    expect(await scoresOf(join(folder, 'still'))).toEqual(await scoresOf(adapter));
  });

  it.each([
    [['--lora_r', '8'], /--lora_r is 8, and the adapter .* has 4: leave the option out/],
    [['--method', 'ia3'], /--method is "ia3", and the adapter .* has "lora"/],
    [['--lora_target_modules', 'query'], /--lora_target_modules is \["query"\], and the adapter/],
    [['--from_scratch', 'true'], /--from_scratch/],
    [['--output_dir', adapter], /output_dir and adapter_name_or_path are both/],
    [['--adapter_name_or_path', model], /is no adapter's folder: it has no adapter_config\.json/],
  ])('refuses %j, and leaves nothing behind', async (more, message) => {
    const said = await goOn('never', ...more);
    expect(said).toMatchObject({ code: 64, stderr: expect.stringMatching(message) as string });
    expect(existsSync(join(folder, 'never'))).toBe(false);
  });

  it('names the tensor where the adapter is of another model', async () => {
    const other = join(folder, 'other');
    mkdirSync(other);
    const { writeBenchModel } = await import('../bench/bench-model.js');
    await writeBenchModel(other, { layers: 1, hiddenSize: 64 });
    writeFileSync(join(folder, 'note.txt'), 'kept');
    const said = await goOn('never', '--model_name_or_path', other);
    expect(said.code).toBe(65);
    expect(said.stderr).toMatch(
      /tensor "base_model\.model\.[^"]*" has shape \[.*32.*\], and the model needs \[.*64.*\]/,
    );
    expect(existsSync(join(folder, 'never'))).toBe(false);
  });
});
