/**
 * Which package may import which, and why: the one table behind the lint rule and docs/architecture.md.
 * (Nx tags could hold the same directions, but not the reason a developer needs when the rule bites.)
 */
export const importRules = {
  shared: { may: [], why: 'shared holds contracts only: no tensors, no sockets' },
  arena: {
    may: ['shared'],
    why: 'arena is flat memory and SIMD loops; it knows no model and no socket',
  },
  collective: {
    may: ['shared', 'arena'],
    why: 'collective moves bytes; it knows neither data nor models',
  },
  data: {
    may: ['shared'],
    why: 'data turns files into shards; it must not depend on who trains on them',
  },
  tasks: {
    may: ['shared', 'data'],
    why: 'a task is what workers, coordinator and models agree on: no tensors, no sockets, no model',
  },
  engine: {
    may: ['shared'],
    why: 'engine is jit for any tfjs function; it knows no model and no worker',
  },
  models: {
    may: ['shared', 'arena', 'data', 'tasks', 'engine'],
    why: 'models must not know processes or sockets',
  },
  coordinator: {
    may: ['shared', 'collective', 'data', 'tasks'],
    why: 'no weight or gradient passes through the coordinator',
  },
  worker: {
    may: ['shared', 'arena', 'collective', 'data', 'tasks', 'engine', 'models'],
    why: 'a worker obeys the coordinator through messages alone',
  },
  inference: {
    may: ['shared', 'arena', 'data', 'tasks', 'engine', 'models'],
    why: 'a model answers in one process: no worker, no coordinator, no socket',
  },
  cli: {
    may: [
      'shared',
      'arena',
      'collective',
      'data',
      'tasks',
      'engine',
      'models',
      'coordinator',
      'worker',
      'inference',
    ],
    why: 'cli wires everything',
  },
};

/** External packages that belong to one package, or to few. */
export const ownedLibraries = {
  zeromq: { owners: ['collective'], why: 'nothing but collective opens a ZeroMQ socket' },
  msgpackr: { owners: ['collective'], why: 'framing belongs to collective' },
  'onnxruntime-node': {
    owners: ['engine'],
    why: 'native engines stay behind the Engine interface',
  },
  koffi: {
    owners: ['shared', 'engine'],
    why: 'libraries are loaded through @microtune/shared/native',
  },
  tokenizers: { owners: ['data'], why: 'tokenization belongs to data' },
  commander: { owners: ['cli'], why: 'only the command line reads arguments' },
};

/** Layers inside a package: files of `folder` may not import from `not`. */
export const layerRules = [
  {
    package: 'engine',
    folder: 'graph',
    not: ['tracer', 'onnx', 'openvino', 'reference', 'passes'],
    why: 'the graph is a value that knows neither its maker nor its runners',
  },
  {
    package: 'engine',
    folder: 'tracer',
    not: ['onnx', 'openvino', 'reference'],
    why: 'tracing knows no engine',
  },
  {
    package: 'engine',
    folder: 'passes',
    not: ['onnx', 'openvino', 'reference', 'tracer'],
    why: 'a pass is graph in, graph out',
  },
  {
    package: 'models',
    folder: 'safetensors',
    not: ['families', 'heads', 'program', 'optimizer', 'checkpoint'],
    why: 'the file format knows no model',
  },
];
