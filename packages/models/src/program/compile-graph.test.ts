import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadEngine, type Engine } from '@microtune/engine';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readJson } from '../../oracle/fixtures.js';
import { compileGraph, type GraphRequest } from './compile-graph.js';
import { createModel } from '../folder/load-model.js';
import { GraphStore } from './kept-graphs.js';
import type { ModelProgram } from './program.js';

const config = readJson<Record<string, unknown>>('pair', 'config.json');
const shape = { rows: 2, tokens: 8, samplesPerRow: 1 };
const options = { threads: 1, precision: 'f32' } as const;

let folder: string;
let engine: Engine;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'microtune-compile-'));
  engine = await loadEngine('onnx');
});
afterAll(() => {
  engine.dispose();
  rmSync(folder, { recursive: true, force: true });
});

const programOf = (changed: object = {}, labelSmoothing = 0): ModelProgram =>
  createModel({ ...config, ...changed }, { seed: 1, labelSmoothing }).program;

/** The same graphs, and a failure where one of them is traced. */
const untraceable = (program: ModelProgram): ModelProgram => ({
  ...program,
  traceTraining: () => Promise.reject(new Error('traced')),
});

const requestOf = (program: ModelProgram): GraphRequest => ({
  program,
  engine,
  options,
  store: new GraphStore(folder, 'code'),
});

describe('compileGraph', () => {
  it('gives the same border and dropout sites with a kept graph as with a traced one', async () => {
    const program = programOf({ hidden_dropout_prob: 0.1 });
    const traced = await compileGraph(requestOf(program), 'training', shape);
    const kept = await compileGraph(requestOf(untraceable(program)), 'training', shape);
    expect(kept.traced.dropoutSites).toEqual(traced.traced.dropoutSites);
    expect(kept.traced.dropoutSites.length).toBeGreaterThan(0);
    // Undefined is not written.
    expect(kept.traced.hostRows).toEqual(traced.traced.hostRows);
    expect(kept.executable.inputs).toEqual(traced.executable.inputs);
    expect(kept.executable.outputs).toEqual(traced.executable.outputs);
    traced.executable.dispose();
    kept.executable.dispose();
  });

  it('takes nothing of another graph: one with other dropout, smoothing, kind or shape is traced', async () => {
    const first = await compileGraph(requestOf(programOf()), 'training', shape);
    first.executable.dispose();
    for (const [program, kind, rows] of [
      [programOf({ hidden_dropout_prob: 0.25 }), 'training', 2],
      [programOf({ layer_norm_eps: 1e-6 }), 'training', 2],
      [programOf({}, 0.1), 'training', 2],
      [programOf(), 'training', 3],
    ] as const) {
      const request = requestOf(untraceable(program));
      await expect(compileGraph(request, kind, { ...shape, rows })).rejects.toThrow('traced');
    }
    const forward = await compileGraph(requestOf(programOf()), 'forward', shape);
    expect(forward.executable.outputs.map(({ name }) => name)).toEqual(['logits']);
    forward.executable.dispose();
  });
});
