/** One command, one answer. */
import {
  loadWeights,
  paramsSha256,
  saveCheckpoint,
  saveModel,
  stateSha256,
} from '@microtune/models';
import { MicrotuneError, type CoordinatorMessage, type WorkerMessage } from '@microtune/shared';
import { evaluateShards } from './evaluate.js';
import type { Session } from './session.js';
import { trainStep } from './step.js';

type EnvelopeKey = 'protocol' | 'runId' | 'epoch' | 'step';
type BodyOf<M> = M extends WorkerMessage ? Omit<M, EnvelopeKey> : never;
/** A message without the fields that the sender fills in. */
export type Body = BodyOf<WorkerMessage>;

type SaveCommand = Extract<CoordinatorMessage, { type: 'save' }>;

/** @throws MicrotuneError whatever the command cannot do: the worker must not go on after it */
export async function obey(session: Session, command: CoordinatorMessage): Promise<Body> {
  switch (command.type) {
    case 'plan':
      return { type: 'stepped', ...(await trainStep(session.trainer, command)) };
    case 'evaluate':
      return evaluate(session, command);
    case 'save':
      return save(session, command);
    case 'restore':
      session.trainer.progress.enter(`loading ${command.folder}`, command.step);
      return restore(session, command.folder);
    case 'halt':
      return { type: 'halted', holdsStep: session.trainer.held.step };
    case 'welcome':
    case 'stop':
      throw new MicrotuneError('internal', `internal: unexpected command ${command.type}`);
  }
}

async function evaluate(
  session: Session,
  command: Extract<CoordinatorMessage, { type: 'evaluate' }>,
): Promise<Body> {
  const { evaluationBatch: batch, trainer, task } = session;
  if (batch === undefined)
    throw new MicrotuneError('internal', 'internal: no evaluation data was opened');
  const { rank, progress, giveUp, replica } = trainer;
  const { graphs } = replica;
  // The graphs of both kinds together are the peak of a worker's memory.
  if (command.step >= session.lastStep) graphs.release('training');
  const evaluator = { rank, progress, giveUp, graphs, batch, task };
  const digests = await evaluateShards(evaluator, command);
  return { type: 'evaluated', evaluation: command.evaluation, digests };
}

/** Rank 0 is asked to; another one where the run ends early and rank 0 cannot. */
async function save(
  { trainer, model, savedWeights }: Session,
  command: SaveCommand,
): Promise<Body> {
  const { folder, trainerState } = command;
  trainer.progress.enter(`saving ${folder}`, command.step);
  const state = await trainer.replica.snapshot();
  const hash = paramsSha256(state.parameters);
  const known = savedWeights.of(hash);
  if (trainerState === undefined)
    await saveModel(folder, { model, parameters: state.parameters, frozen: state.frozen, known });
  else await saveCheckpoint(folder, { model, state, trainerState, known });
  await savedWeights.remember(hash, folder);
  return {
    type: 'saved',
    folder,
    paramsSha256: hash,
    stateSha256: stateSha256(state),
  };
}

/** Other weights, and the moments as they were. */
async function restore({ trainer, savedWeights }: Session, folder: string): Promise<Body> {
  trainer.held.step = undefined;
  const state = await trainer.replica.snapshot();
  await loadWeights(folder, state.parameters);
  await trainer.replica.restore();
  await savedWeights.remember(paramsSha256(state.parameters), folder);
  return { type: 'restored', stateSha256: stateSha256(state) };
}
