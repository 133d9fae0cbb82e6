/**
 * A family's body with a task's head as a ModelProgram. What all share (weights as inputs of the graph, loss and gradients
 * as outputs) is here and in trace-graphs.ts.
 */
import { createMethod } from '../methods/create-method.js';
import type { MethodSpec } from '../methods/method-spec.js';
import type { Body } from './body.js';
import type { Head } from './head.js';
import { parametersOf } from './module.js';
import type { ModelProgram } from './program.js';

export interface ProgramOptions {
  /** Of everything that body and head were made from: graphs are kept on disk under it (kept-graphs.ts). */
  readonly identity: string;
  readonly body: Body;
  readonly head: Head;
  /** What is trained. Default: everything. */
  readonly method?: MethodSpec | undefined;
}

/**
 * Nothing of tfjs is loaded before a graph is traced: whoever only looks at parameters starts faster.
 * @throws MicrotuneError `usage` for a method whose settings do not fit the model
 */
export function createProgram({
  identity,
  body,
  head,
  method: spec = { kind: 'full' },
}: ProgramOptions): ModelProgram {
  const modules = [...body.modules, ...head.modules];
  // A table that makes the logits, too, must be in the graph; one that is only looked up stays on the host.
  const hostRows = head.readsTable === body.words ? undefined : body.words;
  const method = createMethod(spec, {
    modules,
    headPaths: head.trained,
    outputPath: head.output,
    tiedTable: head.readsTable,
    adapterDefaults: body.adapterDefaults,
  });
  const own = parametersOf(modules, hostRows).map((parameter) => ({
    ...parameter,
    trainable: method.trains(parameter.name),
  }));
  const parameters = [...own, ...method.adds.map(({ parameter }) => parameter)].map(
    (parameter) => ({ ...parameter, rateFactor: method.rateFactor?.(parameter) ?? 1 }),
  );
  const inputs = [...body.inputs, ...head.inputs];
  const all = { body, head, method, modules, parameters, inputs };
  const graphs = () => import('./trace-graphs.js');
  return {
    identity,
    parameters,
    added: new Map(method.adds.map(({ parameter, initial }) => [parameter.name, initial])),
    adapterConfig: method.adapterConfig,
    merge: method.merge && { modules, merge: method.merge.bind(method) },
    inputs,
    labelInputs: head.labelInputs,
    traceTraining: async (shape) => (await graphs()).traceTraining(all, shape),
    traceEvaluation: async (shape) => (await graphs()).traceEvaluation(all, shape),
    traceForward: async (shape) => (await graphs()).traceForward(all, shape),
    traceGeneration: async (shape) => (await graphs()).traceGeneration(all, shape),
  };
}
