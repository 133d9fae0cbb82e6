/**
 * What the head predicts: classes with names, or one number. Resolved from what the user asked for and what
 * config.json says, and written back so that id2label, label2id, num_labels and problem_type agree.
 */
import {
  MicrotuneError,
  isLabelTask,
  problemTypeOf,
  problemTypes,
  type LabelTask,
  type ResolvedConfig,
  type TaskSpec,
} from '@microtune/shared';
import { z } from 'zod';
import type { HfConfig } from './config-file.js';

export interface TaskOptions {
  /** As a run decided it; it wins over everything in config.json. */
  task?: TaskSpec;
  /** Outputs of the head where no task is given. */
  numLabels?: number;
}

/** What a run asks for before its data are read. */
export function askedTask({
  task,
  numLabels,
}: Pick<ResolvedConfig, 'task' | 'numLabels'>): TaskOptions {
  return task === 'causal-lm' ? { task: { kind: task } } : { numLabels: numLabels ?? 2 };
}

const taskSchema = z.object({
  id2label: z.record(z.string(), z.string()).nullish(),
  num_labels: z.number().int().positive().nullish(),
  problem_type: z.string().nullish(),
  architectures: z.array(z.string()).nullish(),
});

/** Whoever loads a folder without a word about its head takes it for what it was saved as. */
function isLanguageModel({ architectures }: z.infer<typeof taskSchema>): boolean {
  return (architectures ?? []).some((name) => /^GPT2LMHeadModel$|ForCausalLM$/.test(name));
}

/**
 * Options win over config.json; HuggingFace's default is two classes.
 * @param file names config.json in messages
 * @throws MicrotuneError `usage` for a task that cannot be, `data` for a broken config.json
 */
export function resolveTask(config: HfConfig, options: TaskOptions, file: string): TaskSpec {
  const found = taskSchema.safeParse(config);
  if (!found.success) {
    throw new MicrotuneError('data', `${file}: ${z.prettifyError(found.error)}`);
  }
  if (options.task !== undefined) return checkTask(options.task);
  if (options.numLabels === undefined && isLanguageModel(found.data)) return { kind: 'causal-lm' };
  const configured = labelsById(found.data.id2label ?? {}, file);
  refuseOther(found.data.problem_type ?? undefined, file);
  const inFile = configured?.length ?? found.data.num_labels ?? 2;
  const count = options.numLabels ?? inFile;
  // As transformers does; a head asked for with other labels than the file's overrules the file.
  if (count === 1) return { kind: 'regression' };
  const labels =
    configured?.length === count
      ? configured
      : Array.from({ length: count }, (_, i) => defaultLabel(i));
  return { kind: 'sequence-classification', labels };
}

/** A copy of `config` that says what `task` says. */
export function withTask(config: HfConfig, task: TaskSpec): HfConfig {
  return isLabelTask(task) ? withLabels(config, task) : config;
}

function withLabels(config: HfConfig, task: LabelTask): HfConfig {
  const { num_labels: numLabels, ...rest } = config;
  const labels = task.kind === 'regression' ? [nameOfValue(config)] : task.labels;
  return {
    ...rest,
    // transformers derives it from id2label; kept only where it stood.
    ...(numLabels === undefined ? {} : { num_labels: labels.length }),
    id2label: Object.fromEntries(labels.map((label, id) => [String(id), label])),
    label2id: Object.fromEntries(labels.map((label, id) => [label, id])),
    problem_type: problemTypeOf(task),
  };
}

const defaultLabel = (id: number): string => `LABEL_${id}`;

/** What config.json calls the one output of a regression. */
function nameOfValue({ id2label }: HfConfig): string {
  const names = Object.values((id2label ?? {}) as Readonly<Record<string, string>>);
  return names.length === 1 ? (names[0] ?? defaultLabel(0)) : defaultLabel(0);
}

function checkTask(task: TaskSpec): TaskSpec {
  if (task.kind === 'sequence-classification' && task.labels.length < 2) {
    throw new MicrotuneError(
      'usage',
      'classification needs at least 2 labels; num_labels 1 means problem_type regression',
    );
  }
  return task;
}

function refuseOther(problemType: string | undefined, file: string): void {
  if (problemType === undefined || (problemTypes as readonly string[]).includes(problemType))
    return;
  throw new MicrotuneError(
    'usage',
    `${file}: problem_type "${problemType}" is not supported (${problemTypes.join(', ')})`,
  );
}

function labelsById(id2label: Record<string, string>, file: string): string[] | undefined {
  const ids = Object.keys(id2label);
  if (ids.length === 0) return undefined;
  return ids.map((_, id) => {
    const label = id2label[String(id)];
    if (label === undefined) {
      throw new MicrotuneError(
        'data',
        `${file}: id2label has ${ids.length} entries, but none for ${id}`,
      );
    }
    return label;
  });
}
