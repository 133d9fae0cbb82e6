/** `microtune doctor`: what this machine has, which engines load, and what would help where one does not. */
import { isEngine, type EngineName } from '@microtune/engine';
import { messageOf } from '@microtune/shared';
import type { CommandInput } from '../command.js';
import { doctorOptions } from '../command-list.js';
import { parseOptions } from '../config/parse-options.js';
import { tryEngine } from '../engines/open-engine.js';
import { describeMachine, type MachineDescription } from '../machine/describe-machine.js';
import { bf16InHardware, cpuFlags } from '../machine/cpu-flags.js';
import { byteSize, shortVersion } from '../output/format.js';
import { renderFacts } from '../output/table.js';

type EngineFinding =
  | {
      readonly name: EngineName;
      readonly loads: true;
      readonly version: string;
      readonly device: string;
      readonly precisions: readonly string[];
    }
  | {
      readonly name: EngineName;
      readonly loads: false;
      readonly reason: string;
      readonly remedy: string | undefined;
    };

interface Findings {
  readonly machine: MachineDescription;
  readonly bf16: boolean | undefined;
  readonly cacheFolder: string;
  readonly engines: readonly EngineFinding[];
}

export async function run({ values, environment }: CommandInput): Promise<number> {
  const options = parseOptions(doctorOptions, values);
  const findings: Findings = {
    machine: describeMachine(),
    bf16: bf16InHardware(cpuFlags()),
    cacheFolder: environment.cacheFolder,
    engines: [
      await findEngine('openvino', environment.cacheFolder),
      await findEngine('onnx', environment.cacheFolder),
      await findEngine('reference', environment.cacheFolder),
    ],
  };
  environment.stdout.write(
    options.json ? `${JSON.stringify(findings)}\n` : `${findingsText(findings)}\n`,
  );
  return 0;
}

async function findEngine(name: EngineName, cacheFolder: string): Promise<EngineFinding> {
  try {
    const engine = await tryEngine(name, cacheFolder);
    if (!isEngine(engine))
      return { name, loads: false, reason: engine.reason, remedy: engine.remedy };
    const { version, device, precisions } = engine;
    engine.dispose();
    return { name, loads: true, version, device, precisions };
  } catch (error) {
    // A doctor reports what breaks, whatever it is.
    return { name, loads: false, reason: messageOf(error), remedy: undefined };
  }
}

function findingsText({ machine, bf16, cacheFolder, engines }: Findings): string {
  const flags = machine.cpuFlags?.join(' ') ?? 'not told by this system';
  const table = renderFacts([
    ['node', machine.node],
    ['system', machine.system],
    ['cpu', `${machine.cpu}, ${machine.cores} cores`],
    ['cpu flags', flags === '' ? 'none of those that speed training up' : flags],
    [
      'bf16',
      bf16 === undefined ? 'unknown' : bf16 ? 'in hardware' : 'not in hardware: --bf16 is refused',
    ],
    ['memory', `${byteSize(machine.memoryBytes)}, ${byteSize(machine.freeMemoryBytes)} free`],
    ['cache', cacheFolder],
    ...engines.map((engine) => [`engine ${engine.name}`, engineText(engine)] as const),
  ]);
  const usable = engines.find((engine) => engine.loads && engine.name !== 'reference');
  return `${table}\n--engine auto means ${usable?.name ?? 'nothing: no engine loads'}.`;
}

function engineText(engine: EngineFinding): string {
  if (engine.loads)
    return `${shortVersion(engine.version)} on ${engine.device}: ${engine.precisions.join(', ')}`;
  return `does not load: ${engine.reason}${engine.remedy === undefined ? '' : `\n-> ${engine.remedy}`}`;
}
