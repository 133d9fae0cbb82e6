/** The tensors of an adapter's file, as a program's trained parameters. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { MicrotuneError, adapterWeightsFile } from '@microtune/shared';
import { adapterName } from '../methods/peft-names.js';
import type { ModelProgram, Parameter } from '../program/program.js';
import { refuseNonFinite } from '../safetensors/model-files.js';
import { SafetensorsFile } from '../safetensors/reader.js';

export interface AdapterTensors {
  /** Trained parameters that the file has not. */
  readonly missing: readonly string[];
  /** @throws MicrotuneError `data` naming file and tensor, e.g. one with values that are not finite */
  read(into: (parameter: Parameter) => Float32Array): Promise<void>;
}

export interface AdapterTensorsOptions {
  readonly program: ModelProgram;
  /** The base model, for messages. */
  readonly base: string;
  /** Tensors that may be missing: a head that the adapter was not trained for. */
  mayBeMissing(name: string): boolean;
}

/** @throws MicrotuneError `data` for a tensor that is missing, is none of the model's, or has another shape */
export async function openAdapterTensors(
  folder: string,
  { program, base, mayBeMissing }: AdapterTensorsOptions,
): Promise<AdapterTensors> {
  const path = join(folder, adapterWeightsFile);
  if (!existsSync(path)) {
    const hint = existsSync(join(folder, 'adapter_model.bin'))
      ? '; adapter_model.bin is a pickle, which can carry code, and is not read: convert it to safetensors'
      : '';
    throw new MicrotuneError('data', `${folder} holds no ${adapterWeightsFile}${hint}`);
  }
  const trained = program.parameters.filter(({ trainable }) => trainable);
  const missing: string[] = [];
  const fail = (what: string): never => {
    throw new MicrotuneError(
      'data',
      `${path}: ${what}: the adapter was made for another model than ${base}, or ${adapterWeightsFile} and adapter_config.json do not belong together`,
    );
  };
  const file = await SafetensorsFile.open(path);
  try {
    const { tensors } = file.header;
    for (const { name, shape } of trained) {
      const entry = tensors.get(adapterName(name));
      if (entry === undefined && mayBeMissing(name)) missing.push(name);
      else if (entry === undefined) fail(`tensor "${adapterName(name)}" is missing`);
      else if (entry.shape.join() !== shape.join()) {
        fail(
          `tensor "${adapterName(name)}" has shape [${entry.shape.join(', ')}], and the model needs [${shape.join(', ')}]`,
        );
      }
    }
    const known = new Set(trained.map(({ name }) => adapterName(name)));
    const other = [...tensors.keys()].find((name) => !known.has(name));
    if (other !== undefined) fail(`tensor "${other}" has no place in the model`);
  } finally {
    await file.close();
  }
  const present = trained.filter(({ name }) => !missing.includes(name));
  return { missing, read: (into) => readTensors(path, present, into) };
}

async function readTensors(
  path: string,
  parameters: readonly Parameter[],
  into: (parameter: Parameter) => Float32Array,
): Promise<void> {
  const file = await SafetensorsFile.open(path);
  try {
    for (const parameter of parameters) {
      const values = into(parameter);
      const name = adapterName(parameter.name);
      await file.readInto(name, parameter.shape, values);
      refuseNonFinite(path, name, values);
    }
  } finally {
    await file.close();
  }
}
