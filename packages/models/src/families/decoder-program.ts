/**
 * A decoder of any family with a head, as a ModelProgram. The family gives its body (decoder-body.ts), the task its head
 * (../heads); what they share (weights as inputs of the graph, loss and gradients as outputs) is here and in
 * decoder-graphs.ts.
 */
import type { ModelProgram } from '../program.js';
import { tokenInputs } from '@microtune/tasks';
import type { Head } from '../heads/head.js';
import type { DecoderBody } from './decoder-body.js';
import { parametersOf } from './module.js';

export interface DecoderProgramOptions {
  readonly body: DecoderBody;
  readonly head: Head;
}

/** Nothing of tfjs is loaded before a graph is traced: whoever only looks at parameters starts faster. */
export function createDecoderProgram({ body, head }: DecoderProgramOptions): ModelProgram {
  const modules = [...body.modules, ...head.modules];
  // A table that makes the logits, too, must be in the graph; one that is only looked up stays on the host.
  const hostRows = head.readsTable === body.words ? undefined : body.words;
  const parameters = parametersOf(modules, hostRows);
  const { inputIds, positionIds, sampleOfToken } = tokenInputs;
  const inputs = [inputIds, positionIds, sampleOfToken, ...head.inputs];
  const all = { body, head, modules, parameters, inputs, hostRows };
  const graphs = () => import('./decoder-graphs.js');
  return {
    parameters,
    inputs,
    labelInputs: head.labelInputs,
    traceTraining: async (shape) => (await graphs()).traceTraining(all, shape),
    traceEvaluation: async (shape) => (await graphs()).traceEvaluation(all, shape),
    traceForward: async (shape) => (await graphs()).traceForward(all, shape),
  };
}
