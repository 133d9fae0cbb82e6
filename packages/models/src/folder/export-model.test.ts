import { cp, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fixtures } from '../../oracle/fixtures.js';
import { elementCount } from '../optimizer/layout.js';
import { narrowFloat32 } from '../safetensors/dtype.js';
import { ModelFiles } from '../safetensors/model-files.js';
import { writeModelFiles, type OutputTensor } from '../safetensors/writer.js';
import { exportModel } from './export-model.js';
import { loadModel } from './load-model.js';

const base = join(fixtures, 'decoders', 'llama');
const adapter = join(fixtures, 'adapters', 'llama-all');

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'export-'));
});
afterAll(async () => rm(root, { recursive: true }));

async function tensorsOf(folder: string): Promise<OutputTensor[]> {
  const files = await ModelFiles.open(folder);
  try {
    return await Promise.all(
      files.names().map(async (name) => {
        const { shape } = files.entry(name)!;
        const values = new Float32Array(elementCount(shape));
        await files.readInto(name, shape, values);
        return { name, shape, values };
      }),
    );
  } finally {
    await files.close();
  }
}

describe('export', () => {
  it('writes an adapter with what its base model has beside the weights', async () => {
    const model = join(root, 'with-template');
    await cp(base, model, { recursive: true });
    const companions = {
      'chat_template.jinja': '{{ messages }}',
      'generation_config.json': '{"max_new_tokens":7}',
      'merges.txt': 'a b',
    };
    for (const [name, text] of Object.entries(companions)) await writeFile(join(model, name), text);
    const to = join(root, 'adapter');
    await exportModel(adapter, to, { base: model });
    expect((await readdir(to)).sort()).toEqual([
      'adapter_config.json',
      'adapter_model.safetensors',
      'chat_template.jinja',
      'config.json',
      'generation_config.json',
      'merges.txt',
    ]);
    const written = JSON.parse(await readFile(join(to, 'adapter_config.json'), 'utf8')) as object;
    expect(written).toMatchObject({ base_model_name_or_path: model, task_type: 'CAUSAL_LM' });
    const [ours, theirs] = await Promise.all(
      [to, adapter].map((folder) => readFile(join(folder, 'adapter_model.safetensors'))),
    );
    expect(ours?.equals(theirs!)).toBe(true);
  });

  it.each(['F32', 'BF16', 'F16'] as const)(
    'merges into a plain model of the type of its base: %s',
    async (dtype) => {
      const stored = join(root, dtype);
      await cp(base, stored, { recursive: true });
      await writeModelFiles(stored, await tensorsOf(base), 1e9, { dtype });
      const to = join(root, `merged-${dtype}`);
      const names = await exportModel(adapter, to, {
        merge: true,
        base: stored,
        maxShardBytes: 4000,
      });
      expect(names).toContain('model.safetensors.index.json');
      const config = JSON.parse(await readFile(join(to, 'config.json'), 'utf8')) as object;
      const torch = { F32: 'float32', BF16: 'bfloat16', F16: 'float16' }[dtype];
      expect(config).toMatchObject({ dtype: torch, architectures: ['LlamaForCausalLM'] });
      const files = await ModelFiles.open(to);
      expect(new Set(files.names().map((name) => files.entry(name)?.dtype))).toEqual(
        new Set([dtype]),
      );
      await files.close();
      // What is read back is what was merged, rounded once.
      const merged = new Map((await tensorsOf(to)).map(({ name, values }) => [name, values]));
      const model = await loadModel(to, { seed: 0 });
      expect(model.notes).toEqual([]);
      const before = new Map((await tensorsOf(stored)).map(({ name, values }) => [name, values]));
      expect([...merged.keys()].sort()).toEqual([...before.keys()].sort());
      const changed = [...merged].filter(([name, values]) =>
        values.some((value, i) => value !== before.get(name)![i]),
      );
      // Seven products in each of two layers, and the table that is trained whole.
      expect(changed).toHaveLength(2 * 7 + 1);
    },
  );

  it('refuses to merge a whole model, and a base where there is no adapter', async () => {
    const to = join(root, 'none');
    await expect(exportModel(base, to, { merge: true })).rejects.toThrow('nothing to merge');
    await expect(exportModel(base, to, { base })).rejects.toThrow('leave --base out');
    expect(await readdir(root)).not.toContain('none');
  });

  it("names a tensor that does not fit another adapter's base", async () => {
    const other = join(fixtures, 'decoders', 'mistral');
    await expect(exportModel(adapter, join(root, 'other'), { base: other })).rejects.toThrow(
      /tensor "base_model\.model\..*" has shape \[.*\], and the model needs \[.*\]: the adapter was made for another model/,
    );
  });
});

it('narrows to the nearest number, ties to even, as torch does', () => {
  const values = Float32Array.of(
    1,
    -2.5,
    1 + 2 ** -8,
    1 + 3 * 2 ** -8,
    65504,
    65520,
    2 ** -24,
    2 ** -25,
    NaN,
  );
  const bits = (dtype: 'BF16' | 'F16') =>
    [...new Uint16Array(narrowFloat32(dtype, values).buffer)].map((each) => each.toString(16));
  // torch.tensor(values).to(torch.bfloat16 or torch.float16).view(torch.int16)
  expect(bits('BF16')).toEqual([
    '3f80',
    'c020',
    '3f80',
    '3f82',
    '4780',
    '4780',
    '3380',
    '3300',
    '7fc0',
  ]);
  expect(bits('F16')).toEqual(['3c00', 'c100', '3c04', '3c0c', '7bff', '7c00', '1', '0', '7e00']);
});
