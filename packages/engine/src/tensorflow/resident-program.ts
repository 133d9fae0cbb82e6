/**
 * Several graphs over variables that live in one session, on its device: parameters, optimizer state and gradients stay
 * there from run to run, and only what the graphs name as host inputs and outputs crosses the border.
 *
 * Words: a *program* is a graph some of whose inputs are variables (`reads`) and some of whose outputs become the new
 * values of variables (`writes`). It reads all before it writes any. Uploading and downloading are programs too: one
 * whose output is its host input, one whose input is its host output.
 */
import type { Graph, Value } from '../graph/graph.js';
import type { TensorSpec } from '../graph-types.js';
import { GraphDefWriter } from './graph-def-writer.js';
import type { ProductPrecision } from './matmul-lowering.js';
import { writeNodes, writePlaceholder } from './to-saved-model.js';

export interface ResidentProgram {
  readonly graph: Graph;
  readonly precision: ProductPrecision;
  /** Graph input -> variable. */
  readonly reads: Readonly<Record<string, string>>;
  /** Graph output -> variable that takes its value. */
  readonly writes: Readonly<Record<string, string>>;
  /** Graph output -> variable that it is added to, in place. */
  readonly adds?: Readonly<Record<string, string>>;
}

export interface ResidentModel {
  /** Uninitialised until a program writes them. */
  readonly variables: readonly TensorSpec[];
  readonly programs: Readonly<Record<string, ResidentProgram>>;
}

/** How a program is called: nodes to feed and to fetch. */
export interface ProgramBorder {
  readonly inputs: readonly BorderNode[];
  readonly outputs: readonly BorderNode[];
  /** Fetched besides the outputs, so that everything is written. */
  readonly done: string;
}

export interface WrittenResident {
  /** The bytes of `saved_model.pb`. */
  readonly bytes: Uint8Array;
  readonly programs: ReadonlyMap<string, ProgramBorder>;
}

export interface ResidentOptions {
  readonly floatsAsInt32: boolean;
}

/** Writes the model; node names are numbers, so programs and variables may be called anything. */
export function writeResident(model: ResidentModel, options: ResidentOptions): WrittenResident {
  const writer = new GraphDefWriter();
  const handles = new Map(
    model.variables.map(({ name, shape, dtype }, index) => {
      const shared = `variable${String(index)}`;
      const attributes = {
        dtype: { type: dtype },
        shape: { shape },
        shared_name: { text: shared },
      } as const;
      return [name, writer.named(shared, 'VarHandleOp', { attributes })] as const;
    }),
  );
  const programs = new Map(
    Object.entries(model.programs).map(([name, program], index) => {
      const prefix = `program${String(index)}`;
      return [name, writeProgram(writer, program, { ...options, prefix, handles })] as const;
    }),
  );
  return { bytes: writer.finish(), programs };
}

interface ProgramContext extends ResidentOptions {
  readonly prefix: string;
  readonly handles: ReadonlyMap<string, string>;
}

function writeProgram(
  writer: GraphDefWriter,
  program: ResidentProgram,
  context: ProgramContext,
): ProgramBorder {
  const { prefix, handles } = context;
  const { graph, precision } = program;
  const { values, inputs, reads } = writeInputs(writer, program, context);
  const names = writeNodes(writer, graph, { inputs: values, precision });
  const isFed = (value: Value) =>
    graph.inputs.some((input) => input.value === value && program.reads[input.name] === undefined);
  const assigned: string[] = [];
  const outputs: BorderNode[] = [];
  graph.outputs.forEach(({ name, shape, dtype, value }, index) => {
    const node = `${prefix}out${String(index)}`;
    const given = names.get(value)!;
    const assign = (op: string, variable: string, from: string) => {
      const nodes = [handles.get(variable)!, from, ...reads];
      writer.named(node, op, { inputs: nodes, attributes: { dtype: { type: dtype } } });
      assigned.push(`^${node}`);
    };
    const [written, added] = [program.writes[name], program.adds?.[name]];
    if (added !== undefined) {
      assign('AssignAddVariableOp', added, given);
    } else if (written !== undefined) {
      // A variable takes over the memory it is assigned, which may be the caller's array.
      const copy = () => writer.node('DeepCopy', [given], { T: { type: dtype } });
      assign('AssignVariableOp', written, mayShare(value, isFed) ? copy() : given);
    } else {
      writer.named(node, 'Identity', { inputs: [given], attributes: { T: { type: dtype } } });
      outputs.push({ name, shape, dtype, node });
    }
  });
  return { inputs, outputs, done: writeDone(writer, `${prefix}done`, assigned) };
}

/** Ops that can pass on the memory of what they read. */
const passingOps: ReadonlySet<string> = new Set([
  'reshape',
  'slice',
  'transpose',
  'broadcast',
  'concat',
  'cast',
]);

/** Whether a value may lie in the memory of a fed one. Two variables may share theirs: TensorFlow copies on write. */
function mayShare(value: Value, isFed: (value: Value) => boolean): boolean {
  const { node } = value;
  if (node === undefined) return isFed(value);
  return passingOps.has(node.op) && node.inputs.some((input) => mayShare(input, isFed));
}

type BorderNode = TensorSpec & { readonly node: string };

/** Placeholders and reads of variables; `reads` are control edges to every read. */
function writeInputs(
  writer: GraphDefWriter,
  { graph, reads: variables }: ResidentProgram,
  { prefix, handles, floatsAsInt32 }: ProgramContext,
): { values: Map<Value, string>; inputs: readonly BorderNode[]; reads: readonly string[] } {
  const values = new Map<Value, string>();
  const inputs: BorderNode[] = [];
  const reads: string[] = [];
  graph.inputs.forEach(({ name, shape, dtype, value }, index) => {
    const variable = variables[name];
    if (variable === undefined) {
      const node = `${prefix}in${String(index)}`;
      values.set(value, writePlaceholder(writer, node, { shape, dtype, floatsAsInt32 }));
      inputs.push({ name, shape, dtype, node });
      return;
    }
    const handle = handles.get(variable)!;
    const read = writer.node('ReadVariableOp', [handle], { dtype: { type: dtype } });
    values.set(value, read);
    reads.push(`^${read}`);
  });
  return { values, inputs, reads };
}

/** Something to fetch that comes after every assignment: the addon cannot run nodes without outputs. */
function writeDone(writer: GraphDefWriter, name: string, inputs: readonly string[]): string {
  const zero = { dtype: 'int32', shape: [], data: new Int32Array(1) } as const;
  const attributes = { dtype: { type: 'int32' }, value: { tensor: zero } } as const;
  return writer.named(name, 'Const', { inputs, attributes });
}
