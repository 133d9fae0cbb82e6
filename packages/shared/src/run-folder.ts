/** Names inside `output_dir`: the one place that spells them. */
import { join, sep } from 'node:path';

export interface RunFolder {
  readonly root: string;
  /** Says that the folder is a run of ours, see coordinator's run-marker.ts. */
  readonly marker: string;
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
    marker: join(outputDir, 'microtune.json'),
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

/** Beside the model, in a checkpoint. */
export const optimizerFile = 'optimizer.safetensors';
export const trainerStateFile = 'trainer_state.json';

export const modelConfigFile = 'config.json';

/**
 * What a model folder has beside config.json and weights, copied from the source model as it came: truncation and padding
 * in tokenizer.json are the user's.
 */
export const companionFiles = [
  'tokenizer.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'added_tokens.json',
  'vocab.txt',
  'vocab.json',
  'merges.txt',
  'chat_template.jinja',
  'generation_config.json',
] as const;

/** An adapter beside its base model, as PEFT keeps it: the one file instead of the model's weights, and what it says of itself. */
export const adapterWeightsFile = 'adapter_model.safetensors';
export const adapterConfigFile = 'adapter_config.json';

export function isWeightsFile(name: string): boolean {
  return (
    name === adapterWeightsFile ||
    /^model(-\d{5}-of-\d{5})?\.safetensors(\.index\.json)?$/.test(name)
  );
}

/** A file that a saved model consists of. */
export function isModelFile(name: string): boolean {
  return (
    name === modelConfigFile ||
    name === adapterConfigFile ||
    companionFiles.some((file) => file === name) ||
    isWeightsFile(name)
  );
}

export function isCheckpointFile(name: string): boolean {
  return name === optimizerFile || name === trainerStateFile || isModelFile(name);
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

/** Inside the run folder: a run that has not taken its place yet, see coordinator's run-place.ts. */
export const youngRun = '.microtune-next';

/** Where a file of a young run is once the run has taken its place. */
export function settledPath(path: string): string {
  return join(...path.split(`${sep}${youngRun}`));
}

/** A model that is saved into a folder with other things in it is written below this name inside the folder, aside. */
export const modelAside = '.microtune-model';
