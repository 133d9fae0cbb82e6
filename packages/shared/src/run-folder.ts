/** Names inside `output_dir`: the one place that spells them. */
import { join } from 'node:path';

export interface RunFolder {
  readonly root: string;
  readonly config: string;
  readonly metrics: string;
  readonly events: string;
  readonly summary: string;
  readonly logs: string;
  /** Weights with the best metric so far, in HF layout; exists only with load_best_model_at_end. */
  readonly best: string;
  checkpoint(step: number): string;
}

export function runFolder(outputDir: string): RunFolder {
  return {
    root: outputDir,
    config: join(outputDir, 'config.resolved.yaml'),
    metrics: join(outputDir, 'metrics.jsonl'),
    events: join(outputDir, 'events.jsonl'),
    summary: join(outputDir, 'summary.json'),
    logs: join(outputDir, 'logs'),
    best: join(outputDir, 'best'),
    checkpoint: (step) => join(outputDir, `checkpoint-${step}`),
  };
}

/** The step in a folder name `checkpoint-<step>`, or undefined. */
export function checkpointStep(folderName: string): number | undefined {
  const match = /^checkpoint-(\d+)$/.exec(folderName);
  return match ? Number(match[1]) : undefined;
}

/** While a folder is replaced: the new content being written, and the old one between the two renames. */
export type AsideKind = 'partial' | 'previous';

/** Where the process `pid` keeps it, beside the folder. */
export function asideFolder(folder: string, kind: AsideKind, pid: number): string {
  return `${folder}.${kind}-${pid}`;
}

/** What a folder named by `asideFolder` belongs to, or undefined for other names. */
export function parseAside(name: string): { of: string; kind: AsideKind } | undefined {
  const [, of, kind] = /^(.+)\.(partial|previous)-\d+$/.exec(name) ?? [];
  return of === undefined ? undefined : { of, kind: kind as AsideKind };
}
