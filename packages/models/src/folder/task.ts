/**
 * What the head predicts: classes with names, or one number. Resolved from what the user asked for and what
 * config.json says, and written back so that id2label, label2id, num_labels and problem_type agree.
 */
import { MicrotuneError } from '@microtune/shared';
import { z } from 'zod';
import type { HfConfig } from './config-file.js';

export type ProblemType = 'single_label_classification' | 'regression';

export interface Task {
  readonly problemType: ProblemType;
  /** 1 for regression. */
  readonly numLabels: number;
  /** Names by id; `LABEL_0`… where nobody gave any. */
  readonly labels: readonly string[];
}

export interface TaskOptions {
  numLabels?: number;
  /** Names by id. An empty list counts as not given. */
  labels?: readonly string[];
  problemType?: ProblemType;
}

const taskSchema = z.object({
  id2label: z.record(z.string(), z.string()).nullish(),
  num_labels: z.number().int().positive().nullish(),
  problem_type: z.string().nullish(),
});

/**
 * Options win over config.json; HuggingFace's default is two classes.
 * @param file names config.json in messages
 * @throws MicrotuneError `usage` for options that contradict each other, `data` for a broken config.json
 */
export function resolveTask(config: HfConfig, options: TaskOptions, file: string): Task {
  const found = taskSchema.safeParse(config);
  if (!found.success) {
    throw new MicrotuneError('data', `${file}: ${z.prettifyError(found.error)}`);
  }
  const configured = labelsById(found.data.id2label ?? {}, file);
  const given =
    options.labels !== undefined && options.labels.length > 0 ? options.labels : undefined;
  if (
    given !== undefined &&
    options.numLabels !== undefined &&
    given.length !== options.numLabels
  ) {
    throw new MicrotuneError(
      'usage',
      `num_labels is ${options.numLabels}, but there are ${given.length} labels: ${given.join(', ')}`,
    );
  }
  const asked =
    options.numLabels ?? given?.length ?? (options.problemType === 'regression' ? 1 : undefined);
  const inFile = configured?.length ?? found.data.num_labels ?? 2;
  const numLabels = asked ?? inFile;
  const problemType =
    options.problemType ?? problemTypeOf(found.data.problem_type ?? undefined, numLabels, file);
  checkTask(problemType, numLabels);
  const names = given ?? (configured?.length === numLabels ? configured : undefined);
  return {
    problemType,
    numLabels,
    labels: names ?? Array.from({ length: numLabels }, (_, i) => `LABEL_${i}`),
  };
}

/** A copy of `config` that says what `task` says. */
export function withTask(config: HfConfig, task: Task): HfConfig {
  const { num_labels: numLabels, ...rest } = config;
  return {
    ...rest,
    // transformers derives it from id2label; kept only where it stood.
    ...(numLabels === undefined ? {} : { num_labels: task.numLabels }),
    id2label: Object.fromEntries(task.labels.map((label, id) => [String(id), label])),
    label2id: Object.fromEntries(task.labels.map((label, id) => [label, id])),
    problem_type: task.problemType,
  };
}

function checkTask(problemType: ProblemType, numLabels: number): void {
  if (problemType === 'regression' && numLabels !== 1) {
    throw new MicrotuneError(
      'usage',
      `regression predicts one number, but num_labels is ${numLabels}`,
    );
  }
  if (problemType === 'single_label_classification' && numLabels < 2) {
    throw new MicrotuneError(
      'usage',
      'classification needs at least 2 labels; num_labels 1 means problem_type regression',
    );
  }
}

function problemTypeOf(name: string | undefined, numLabels: number, file: string): ProblemType {
  if (name === undefined || name === 'regression' || name === 'single_label_classification') {
    // As transformers does; a head asked for with other labels than the file's overrules the file.
    return numLabels === 1 ? 'regression' : 'single_label_classification';
  }
  throw new MicrotuneError(
    'usage',
    `${file}: problem_type "${name}" is not supported (single_label_classification, regression)`,
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
