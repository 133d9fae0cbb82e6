/** `microtune setup openvino|tensorflow|xla`: fetches an engine's libraries into the cache folder. */
import { dirname } from 'node:path';
import {
  runProcess,
  setupOpenvino,
  setupTensorflow,
  setupXla,
  type SetupOptions,
} from '@microtune/engine';
import { MicrotuneError, systemClock } from '@microtune/shared';
import type { CommandInput } from '../command.js';
import { setupOptions } from '../command-options.js';
import { parseOptions } from '../config/parse-options.js';

interface Request {
  readonly cuda: boolean;
  readonly from: string | undefined;
  readonly common: Omit<SetupOptions, 'wheel'>;
  /** process.env */
  readonly variables: NodeJS.ProcessEnv;
}

interface Installed {
  readonly folder: string;
  readonly version: string;
  readonly changed: boolean;
}

const setups: Readonly<Record<string, (request: Request) => Promise<Installed>>> = {
  openvino: async ({ cuda, common }) => {
    if (cuda)
      throw new MicrotuneError('usage', 'setup openvino: OpenVINO is for CPUs; leave --cuda out');
    const { librariesFolder, manifest, changed } = await setupOpenvino(common);
    return { folder: librariesFolder, version: manifest.version, changed };
  },
  tensorflow: async ({ cuda, from, common }) => {
    const platform = cuda ? 'cuda' : 'cpu';
    const { addonFile, manifest, changed } = await setupTensorflow({ ...common, platform, from });
    return { folder: dirname(addonFile), version: manifest.version, changed };
  },
  xla: async ({ cuda, from, common, variables }) => {
    const platform = cuda ? 'cuda' : 'cpu';
    const { folder, manifest, changed } = await setupXla({
      ...common,
      platform,
      from,
      environment: variables,
    });
    return { folder, version: manifest.id, changed };
  },
};

export async function run({
  values,
  positional: name = '',
  environment,
}: CommandInput): Promise<number> {
  const { cuda, from, force, json } = parseOptions(setupOptions, values);
  const setUp = setups[name];
  if (setUp === undefined) {
    const known = Object.keys(setups).join(', ');
    throw new MicrotuneError(
      'usage',
      `setup ${name}: the engines to set up are ${known}; onnx comes with npm`,
    );
  }
  if (from !== undefined && name === 'openvino')
    throw new MicrotuneError('usage', 'setup openvino: --from is for tensorflow and xla');
  const { cacheFolder, stdout, variables } = environment;
  const common = {
    cacheFolder,
    force,
    run: runProcess,
    report: (line: string) => {
      if (!json) stdout.write(`${line}\n`);
    },
    timestamp: systemClock.timestamp(),
  };
  const installed = await setUp({ cuda, from, common, variables });
  if (json) stdout.write(`${JSON.stringify(installed)}\n`);
  return 0;
}
