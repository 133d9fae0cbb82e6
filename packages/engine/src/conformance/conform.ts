/** The suite's comparison with the reference for a program that is no test runner: tests/gpu on a machine with a card. */
import type { Engine } from '../engine.js';
import { opNames } from '../graph/shape-rules.js';
import { gradientGraph, graphOfCases, tolerance } from './case-graphs.js';
import { modelCases } from './model-cases.js';
import { firstDifference, hashBuffers, runGraph } from './run-graph.js';

export interface ConformanceResult {
  /** e.g. `computes matMul`. */
  readonly name: string;
  /** Undefined when it passed. */
  readonly problem: string | undefined;
}

/** Tolerance of whole models, a step of which sums up the errors of many ops. */
const modelTolerance = 4e-5;

/** Ops, gradients and models against the reference, and the same bits when run again. */
export async function conform(engine: Engine, reference: Engine): Promise<ConformanceResult[]> {
  const results: ConformanceResult[] = [];
  const check = async (
    name: string,
    { graph, inputs }: ReturnType<typeof gradientGraph>,
    allowed: number,
  ): Promise<void> => {
    try {
      const actual = await runGraph(engine, graph, inputs);
      const expected = await runGraph(reference, graph, inputs);
      const again = await runGraph(engine, graph, inputs);
      const changed =
        hashBuffers(again) === hashBuffers(actual) ? undefined : 'other bits when run again';
      results.push({ name, problem: firstDifference(actual, expected, allowed) ?? changed });
    } catch (error) {
      results.push({ name, problem: String(error) });
    }
  };
  for (const op of opNames) await check(`computes ${op}`, graphOfCases(op), tolerance[engine.name]);
  await check('computes every gradient', gradientGraph(), 4 * tolerance[engine.name]);
  for (const [name, { make }] of Object.entries(modelCases))
    await check(`trains ${name}`, make(), modelTolerance);
  return results;
}
