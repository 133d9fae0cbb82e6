/** A classifier of a model without a head: what a run would have written, with an untrained head; speed does not care. */
import { createArena } from '@microtune/arena';
import {
  allocateBlock,
  blockCount,
  layOutParameters,
  loadModel,
  saveModel,
} from '@microtune/models';

export async function writeClassifier(source: string, folder: string): Promise<void> {
  const model = await loadModel(source, {
    seed: 1,
    task: { kind: 'sequence-classification', labels: ['negative', 'positive'] },
  });
  const layout = layOutParameters(model.program.parameters);
  const parameters = allocateBlock(await createArena(blockCount(layout)), layout);
  await model.load((parameter) => parameters.view(parameter));
  await saveModel(folder, { model, parameters });
}
