/** The weights of a model read through and not kept: what is wrong with the numbers shows before a worker has them. */
import { elementCount } from '../optimizer/layout.js';
import type { LoadedModel } from './load-model.js';

/** @throws MicrotuneError as `LoadedModel.load` */
export async function checkWeights({
  program,
  load,
}: Pick<LoadedModel, 'program' | 'load'>): Promise<void> {
  const counts = program.parameters.map(({ shape }) => elementCount(shape));
  // Tensors are read one after the other, so that all can have the same place.
  const place = new Float32Array(counts.reduce((most, count) => Math.max(most, count), 0));
  await load(({ shape }) => place.subarray(0, elementCount(shape)));
}
