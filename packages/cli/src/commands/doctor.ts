/** `microtune doctor`: what this machine has, which engines load, and what would help where one does not. */
import { engineNames } from '@microtune/shared';
import type { CommandInput } from '../command.js';
import { doctorOptions } from '../command-options.js';
import { parseOptions } from '../config/parse-options.js';
import type { EngineOnPlatform } from '../engines/engine-finding.js';
import { findEngineAside } from '../engines/find-engine-aside.js';

/** In the order of `auto`; those for NVIDIA GPUs last. */
const engines: readonly EngineOnPlatform[] = [
  ...engineNames.map((name) => ({ name, platform: 'cpu' }) as const),
  { name: 'xla', platform: 'cuda' },
  { name: 'tensorflow', platform: 'cuda' },
];

export async function run({ values, environment }: CommandInput): Promise<number> {
  const options = parseOptions(doctorOptions, values);
  // Loading TensorFlow writes to standard error, takes longest, and one process cannot load two of them: each has a
  // process of its own, which starts before anything else is loaded here.
  const aside = engines
    .filter(({ name }) => name === 'tensorflow')
    .map((engine) => [engine, findEngineAside(engine, environment)] as const);
  const { findMachine, findingsText } = await import('../engines/find-machine.js');
  const findings = await findMachine(engines, new Map(aside), environment);
  environment.stdout.write(
    options.json ? `${JSON.stringify(findings)}\n` : `${findingsText(findings)}\n`,
  );
  return 0;
}
