/** Runs what a user would pick instead (Python scripts that print one JSON line per result). */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';

export interface PeerLocation {
  /** Python with torch and transformers. */
  python: string;
  /** Folder of the peer scripts. */
  scripts: string;
}

/** The peers' places, or undefined with the reason printed: a ratio needs both sides. */
export function findPeers(options: { python?: string; shared?: string }): PeerLocation | undefined {
  const python = resolve(options.python ?? '.peers/bin/python');
  const scripts = resolve(options.shared ?? '../shared', 'peers');
  for (const path of [python, scripts]) {
    if (existsSync(path)) continue;
    console.log(`no peer figures: ${path} does not exist (see benchmarks/README.md)`);
    return undefined;
  }
  return { python, scripts };
}

/** Runs a peer script and returns its JSON lines. */
export async function runPeer(
  peers: PeerLocation,
  script: string,
  args: readonly string[],
): Promise<Record<string, unknown>[]> {
  const child = spawn(peers.python, [resolve(peers.scripts, script), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, PYTHONWARNINGS: 'ignore', TRANSFORMERS_VERBOSITY: 'error' },
  });
  const lines: Record<string, unknown>[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    if (line.startsWith('{"')) lines.push(JSON.parse(line) as Record<string, unknown>);
  }
  return lines;
}
