/**
 * Whether an engine loads, found in a process of its own: a library that ends the process that loads it is a finding too.
 * Loads little itself, so that such a process has started before this one has read its modules.
 */
import { missingLibraries } from '@microtune/engine/missing-libraries';
import { runProcess } from '@microtune/engine/process-runner';
import type { Environment } from '../environment.js';
import { commandFile } from '../own-files.js';
import type { EngineFinding, EngineOnPlatform } from './engine-finding.js';

/** By the hidden command `find-engine`. */
export async function findEngineAside(
  { name, platform }: EngineOnPlatform,
  { cacheFolder }: Pick<Environment, 'cacheFolder'>,
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
