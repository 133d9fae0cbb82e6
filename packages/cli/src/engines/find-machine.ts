/** Everything that `doctor` tells of a machine, and its words. */
import type { Gpu, GpuFindings } from '@microtune/engine';
import { bf16InHardware, cpuFlags } from '@microtune/engine/cpu-flags';
import { findGpus } from '@microtune/engine/find-gpus';
import type { Environment } from '../environment.js';
import { describeMachine, type MachineDescription } from '../machine/describe-machine.js';
import { byteSize, shortVersion } from '../output/format.js';
import { renderFacts } from '../output/table.js';
import type { EngineFinding, EngineOnPlatform } from './engine-finding.js';
import { findEngine } from './find-engine.js';
import { proofText } from './proof-text.js';

export interface MachineFindings {
  readonly machine: MachineDescription;
  readonly bf16: boolean | undefined;
  readonly nvidia: GpuFindings;
  readonly cacheFolder: string;
  readonly engines: readonly (EngineFinding & { readonly sameBits: string })[];
}

/** @param aside engines that are looked for in processes of their own; the others are loaded here */
export async function findMachine(
  engines: readonly EngineOnPlatform[],
  aside: ReadonlyMap<EngineOnPlatform, Promise<EngineFinding>>,
  environment: Environment,
): Promise<MachineFindings> {
  const { cacheFolder, variables } = environment;
  const found = await Promise.all(
    engines.map((engine) => aside.get(engine) ?? findEngine(engine, environment)),
  );
  return {
    machine: describeMachine(),
    bf16: bf16InHardware(cpuFlags()),
    nvidia: findGpus(variables),
    cacheFolder,
    engines: found.map((each) => ({
      ...each,
      sameBits: each.loads ? proofText(each, cacheFolder) : '',
    })),
  };
}

export function findingsText({
  machine,
  bf16,
  nvidia,
  cacheFolder,
  engines,
}: MachineFindings): string {
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

function engineText(engine: MachineFindings['engines'][number]): string {
  if (engine.loads) {
    const what = `${shortVersion(engine.version)} on ${engine.device}: ${engine.precisions.join(', ')}`;
    return [what, engine.sameBits].filter((line) => line !== '').join('\n');
  }
  return `does not load: ${engine.reason}${engine.remedy === undefined ? '' : `\n-> ${engine.remedy}`}`;
}
