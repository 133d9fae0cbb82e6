/** Whether an engine loads here, for `doctor`: in this process, or in one of its own. */
import {
  isEngine,
  runProcess,
  tryEngine,
  type EngineName,
  type XlaPlatform,
} from '@microtune/engine';
import { missingLibraries } from '@microtune/engine/missing-libraries';
import { messageOf } from '@microtune/shared';
import type { Environment } from '../environment.js';
import { commandFile } from '../own-files.js';

export interface EngineOnPlatform {
  readonly name: EngineName;
  readonly platform: XlaPlatform;
}

export type EngineFinding =
  | (EngineOnPlatform & {
      readonly loads: true;
      readonly version: string;
      readonly device: string;
      readonly precisions: readonly string[];
    })
  | (EngineOnPlatform & {
      readonly loads: false;
      readonly reason: string;
      readonly remedy: string | undefined;
    });

export async function findEngine(
  { name, platform }: EngineOnPlatform,
  { cacheFolder, variables }: Environment,
): Promise<EngineFinding> {
  try {
    const engine = await tryEngine(name, { cacheFolder, environment: variables, platform });
    if (!isEngine(engine)) {
      const { reason, remedy } = engine;
      return { name, platform, loads: false, reason, remedy };
    }
    const { version, device, precisions } = engine;
    engine.dispose();
    return { name, platform, loads: true, version, device, precisions };
  } catch (error) {
    // A doctor reports what breaks, whatever it is.
    return { name, platform, loads: false, reason: messageOf(error), remedy: undefined };
  }
}

/** The same by the hidden command `find-engine`: a library that ends the process that loads it is a finding too. */
export async function findEngineAside(
  { name, platform }: EngineOnPlatform,
  { cacheFolder }: Environment,
): Promise<EngineFinding> {
  const missing = missingLibraries(name, cacheFolder, platform);
  if (missing !== undefined) return { ...missing, platform, loads: false };
  const args = [`--name=${name}`, `--platform=${platform}`, `--cache_folder=${cacheFolder}`];
  const result = await runProcess(process.execPath, [commandFile, 'find-engine', ...args]);
  const found = result.stdout.trim().split('\n').at(-1) ?? '';
  if (result.exitCode === 0 && found !== '') return JSON.parse(found) as EngineFinding;
  const said = result.stderr.trim().split('\n').at(-1) ?? '';
  const reason = `the process that loads it ended with code ${String(result.exitCode)}: ${said}`;
  return { name, platform, loads: false, reason, remedy: undefined };
}
