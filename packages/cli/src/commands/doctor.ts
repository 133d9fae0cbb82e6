/** `microtune doctor`: what this machine has, which engines load, and what would help where one does not. */
import { findGpus, type Gpu, type GpuFindings } from '@microtune/engine';
import { engineNames } from '@microtune/shared';
import type { CommandInput } from '../command.js';
import { doctorOptions } from '../command-options.js';
import { parseOptions } from '../config/parse-options.js';
import {
  findEngine,
  findEngineAside,
  type EngineFinding,
  type EngineOnPlatform,
} from '../engines/find-engine.js';
import { proofText } from '../engines/proof-text.js';
import { describeMachine, type MachineDescription } from '../machine/describe-machine.js';
import { bf16InHardware, cpuFlags } from '@microtune/engine/cpu-flags';
import { byteSize, shortVersion } from '../output/format.js';
import { renderFacts } from '../output/table.js';

/** In the order of `auto`; those for NVIDIA GPUs last. */
const engines: readonly EngineOnPlatform[] = [
  ...engineNames.map((name) => ({ name, platform: 'cpu' }) as const),
  { name: 'xla', platform: 'cuda' },
  { name: 'tensorflow', platform: 'cuda' },
];

interface Findings {
  readonly machine: MachineDescription;
  readonly bf16: boolean | undefined;
  readonly nvidia: GpuFindings;
  readonly cacheFolder: string;
  readonly engines: (EngineFinding & { readonly sameBits: string })[];
}

export async function run({ values, environment }: CommandInput): Promise<number> {
  const options = parseOptions(doctorOptions, values);
  const findings: Findings = {
    machine: describeMachine(),
    bf16: bf16InHardware(cpuFlags()),
    nvidia: findGpus(environment.variables),
    cacheFolder: environment.cacheFolder,
    engines: [],
  };
  // At once: those in processes of their own start while this one loads the others.
  const all = engines.map((engine) => {
    // Loading TensorFlow writes to standard error, and one process cannot load two of them.
    const find = engine.name === 'tensorflow' ? findEngineAside : findEngine;
    return find(engine, environment);
  });
  for (const found of await Promise.all(all)) {
    const sameBits = found.loads ? proofText(found, environment.cacheFolder) : '';
    findings.engines.push({ ...found, sameBits });
  }
  environment.stdout.write(
    options.json ? `${JSON.stringify(findings)}\n` : `${findingsText(findings)}\n`,
  );
  return 0;
}

function findingsText({ machine, bf16, nvidia, cacheFolder, engines }: Findings): string {
  const flags = machine.cpuFlags?.join(' ') ?? 'not told by this system';
  const table = renderFacts([
    ['node', machine.node],
    ['system', machine.system],
    ['cpu', `${machine.cpu}, ${machine.cores} cores`],
    ['cpu flags', flags === '' ? 'none of those that speed training up' : flags],
    [
      'bf16',
      bf16 === undefined
        ? 'unknown'
        : bf16
          ? 'in hardware'
          : 'not in hardware: openvino refuses --bf16, xla and tensorflow are slow in it',
    ],
    ['memory', `${byteSize(machine.memoryBytes)}, ${byteSize(machine.freeMemoryBytes)} free`],
    ...gpuFacts(nvidia),
    ['cache', cacheFolder],
    ...engines.map((engine) => [titleOf(engine), engineText(engine)] as const),
  ]);
  const usable = engines.find(
    ({ name, loads }) => loads && (name === 'openvino' || name === 'onnx'),
  );
  const onCards = engines.find(({ platform, loads }) => loads && platform === 'cuda');
  const cards =
    onCards === undefined ? '' : `; on GPUs, which --devices takes unasked, ${onCards.name}`;
  return `${table}\n--engine auto means ${usable?.name ?? 'nothing: no engine loads'}${cards}.`;
}

function gpuFacts({ gpus, driverVersion, cudaVersion, reason }: GpuFindings): [string, string][] {
  if (gpus.length === 0) return [['gpus', `none: ${reason ?? 'the driver lists none'}`]];
  return [
    ['nvidia driver', `${driverVersion ?? 'version not told'}, CUDA ${cudaVersion ?? 'not told'}`],
    ...gpus.map((gpu) => [`cuda:${gpu.ordinal}`, gpuFact(gpu)] as [string, string]),
  ];
}

function gpuFact({ name, memoryBytes, freeMemoryBytes, computeCapability, uuid }: Gpu): string {
  const free = freeMemoryBytes === undefined ? '' : `, ${byteSize(freeMemoryBytes)} free`;
  return `${name}, ${byteSize(memoryBytes)}${free}, compute capability ${computeCapability}, ${uuid}`;
}

function titleOf({ name, platform }: EngineOnPlatform): string {
  return platform === 'cuda' ? `engine ${name}, cuda` : `engine ${name}`;
}

function engineText(engine: Findings['engines'][number]): string {
  if (engine.loads) {
    const what = `${shortVersion(engine.version)} on ${engine.device}: ${engine.precisions.join(', ')}`;
    return [what, engine.sameBits].filter((line) => line !== '').join('\n');
  }
  return `does not load: ${engine.reason}${engine.remedy === undefined ? '' : `\n-> ${engine.remedy}`}`;
}
