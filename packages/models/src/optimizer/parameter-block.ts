/** One arena copy of everything that has the parameters' shape: the parameters themselves, or one of their moments. */
import type { Arena, Slot } from '@microtune/arena';
import { assert } from '@microtune/shared';
import type { Parameter } from '../program/program.js';
import { elementCount, type ParameterLayout } from './layout.js';

export interface ParameterBlock {
  readonly layout: ParameterLayout;
  readonly dense: Slot;
  /** Beside `layout.tables`, each [rows, width] row-major. */
  readonly tables: readonly Slot[];
  /** The numbers of one parameter; the same array at each call, so that an engine knows it again. */
  view(parameter: Parameter): Float32Array;
}

/** Zeroed. @throws MicrotuneError `usage` when the arena cannot hold them */
export function allocateBlock(arena: Arena, layout: ParameterLayout): ParameterBlock {
  const dense = arena.allocate(layout.denseCount);
  const tables = layout.tables.map(({ shape }) => arena.allocate(elementCount(shape)));
  const views = new Map<string, Float32Array>();
  for (const [name, { start, count }] of layout.places) {
    views.set(name, dense.view.subarray(start, start + count));
  }
  layout.tables.forEach(({ name }, i) => {
    const slot = tables[i];
    if (slot !== undefined) views.set(name, slot.view);
  });
  return {
    layout,
    dense,
    tables,
    view: ({ name }) => {
      const view = views.get(name);
      assert(view, `parameter ${name} has a place`);
      return view;
    },
  };
}

/** A tensor by HuggingFace's name. */
export interface TensorView {
  readonly name: string;
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/** The block as HuggingFace's tensors, sorted by name: what files hold and hashes run over. */
export function tensorsOf(block: ParameterBlock): TensorView[] {
  return block.layout.parameters
    .map((parameter) => ({
      name: parameter.name,
      shape: parameter.shape,
      values: block.view(parameter),
    }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}
