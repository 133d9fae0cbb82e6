/** The weights of a model folder, in one file or in several with an index, behind one lookup by tensor name. */
import { readFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { MicrotuneError } from '@microtune/shared';
import { z } from 'zod';
import { convertToFloat32 } from './dtype.js';
import { SafetensorsFile } from './reader.js';
import { fail, type TensorEntry } from './header.js';
import { indexName } from './writer.js';

export class ModelFiles {
  readonly folder: string;
  readonly #files: readonly SafetensorsFile[];
  readonly #owners: ReadonlyMap<string, SafetensorsFile>;

  private constructor(
    folder: string,
    files: readonly SafetensorsFile[],
    owners: ReadonlyMap<string, SafetensorsFile>,
  ) {
    this.folder = folder;
    this.#files = files;
    this.#owners = owners;
  }

  /**
   * Reads the headers only.
   * @throws MicrotuneError `data` when there is no `model.safetensors` and no index, or a file is not what it claims
   */
  static async open(folder: string): Promise<ModelFiles> {
    const single = join(folder, 'model.safetensors');
    const index = join(folder, indexName);
    if (existsSync(single)) {
      const file = await SafetensorsFile.open(single);
      return new ModelFiles(folder, [file], ownersOf([file]));
    }
    if (existsSync(index)) return ModelFiles.#openIndexed(folder, index);
    const hint = existsSync(join(folder, 'pytorch_model.bin'))
      ? '; pytorch_model.bin is a pickle, which can carry code, and is not read: convert it to safetensors'
      : '; to train from random weights, add --from_scratch';
    return fail(folder, `holds neither model.safetensors nor ${indexName}${hint}`);
  }

  static async #openIndexed(folder: string, index: string): Promise<ModelFiles> {
    const weightMap = await readWeightMap(index);
    const files = new Map<string, SafetensorsFile>();
    const owners = new Map<string, SafetensorsFile>();
    try {
      for (const [tensor, name] of Object.entries(weightMap)) {
        const file = files.get(name) ?? (await SafetensorsFile.open(join(folder, name)));
        files.set(name, file);
        if (!file.header.tensors.has(tensor)) {
          fail(file.path, `tensor "${tensor}" is missing, ${indexName} says it is here`);
        }
        owners.set(tensor, file);
      }
    } catch (error) {
      for (const file of files.values()) await file.close();
      throw error;
    }
    return new ModelFiles(folder, [...files.values()], owners);
  }

  has(name: string): boolean {
    return this.#owners.has(name);
  }

  names(): string[] {
    return [...this.#owners.keys()];
  }

  /** The file that holds a tensor, or the folder where none does: for messages. */
  pathOf(name: string): string {
    return this.#owners.get(name)?.path ?? this.folder;
  }

  entry(name: string): TensorEntry | undefined {
    return this.#owners.get(name)?.header.tensors.get(name);
  }

  /**
   * As SafetensorsFile.readInto, and readBfloat16 where the destination is bytes.
   * @throws MicrotuneError `data`, too, for values that are not finite
   */
  async readInto(
    name: string,
    shape: readonly number[],
    destination: Float32Array | Uint8Array,
  ): Promise<void> {
    const file = this.#owners.get(name) ?? this.#files[0];
    if (file === undefined) return fail(this.folder, `tensor "${name}" is missing`);
    if (destination instanceof Float32Array) {
      await file.readInto(name, shape, destination);
      refuseNonFinite(file.path, name, destination);
      return;
    }
    await file.readBfloat16(name, shape, destination);
    if (allFiniteBfloat16(destination)) return;
    const values = new Float32Array(destination.length / 2);
    convertToFloat32('BF16', destination, values);
    refuseNonFinite(file.path, name, values);
  }

  async close(): Promise<void> {
    for (const file of this.#files) await file.close();
  }
}

/** Exponents of ones are infinities and NaN. */
function allFiniteBfloat16(bytes: Uint8Array): boolean {
  const bits = new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.length / 2);
  for (let i = 0; i < bits.length; i++) if (((bits[i] as number) & 0x7f80) === 0x7f80) return false;
  return true;
}

/** One of them in the weights, and every loss is NaN: which no learning rate mends. */
export function refuseNonFinite(path: string, name: string, values: Float32Array): void {
  // x - x is NaN where x is not finite, else 0; a sum by index takes a quarter of the time of `for of` or more.
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += (values[i] as number) - (values[i] as number);
  if (sum === 0) return;
  const first = values.findIndex((value) => !Number.isFinite(value));
  const count = values.reduce((found, value) => found + (Number.isFinite(value) ? 0 : 1), 0);
  fail(
    path,
    `tensor "${name}" holds ${count} of ${values.length} values that are not finite, the first ` +
      `${values[first]} at index ${first}: the model is broken; take an earlier copy of it, or download it again`,
  );
}

const indexSchema = z.object({ weight_map: z.record(z.string(), z.string()) });

async function readWeightMap(path: string): Promise<Record<string, string>> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(await readFile(path, 'utf8'));
  } catch (cause) {
    throw new MicrotuneError('data', `${path}: not valid JSON`, { cause });
  }
  const result = indexSchema.safeParse(parsed);
  if (!result.success) return fail(path, 'weight_map must map tensor names to file names');
  for (const name of Object.values(result.data.weight_map)) {
    // A name with a path in it would read outside the folder.
    if (basename(name) !== name || name === '..') fail(path, `"${name}" is not a file name`);
  }
  return result.data.weight_map;
}

function ownersOf(files: readonly SafetensorsFile[]): Map<string, SafetensorsFile> {
  const owners = new Map<string, SafetensorsFile>();
  for (const file of files) for (const name of file.header.tensors.keys()) owners.set(name, file);
  return owners;
}
