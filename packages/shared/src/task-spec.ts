/**
 * What a model is asked to do: the coordinator decides it from data and configuration, `welcome` tells every worker, and
 * data, tasks, models and inference all speak of it in these words. A new task is one more member of the union.
 */
import { z } from 'zod';

/** HuggingFace's names (`problem_type` of config.json) for what a head on whole texts predicts. */
export const problemTypes = ['single_label_classification', 'regression'] as const;
export type ProblemType = (typeof problemTypes)[number];

const sequenceClassification = z.strictObject({
  kind: z.literal('sequence-classification'),
  /** Names of the classes by id. */
  labels: z.array(z.string()).readonly(),
});

/** One number for a text. */
const regression = z.strictObject({ kind: z.literal('regression') });

/** The next token, from those before it in its sample. */
const causalLm = z.strictObject({ kind: z.literal('causal-lm') });

export const taskSpecSchema = z.discriminatedUnion('kind', [
  sequenceClassification,
  regression,
  causalLm,
]);
export type TaskSpec = Readonly<z.infer<typeof taskSpecSchema>>;
export type TaskKind = TaskSpec['kind'];

/** The tasks whose rows carry a label each. */
export type LabelTask = Extract<TaskSpec, { kind: 'sequence-classification' | 'regression' }>;

/** What `--task` takes; whether labels are classes or numbers is `problem_type`. */
export const taskNames = ['sequence-classification', 'causal-lm'] as const satisfies TaskKind[];
export type TaskName = (typeof taskNames)[number];

/** `max_seq_length` where it is not given, in tokens: BERT's customary 128, and what trainers of chats take. */
export const defaultMaxSeqLength: { readonly [Name in TaskName]: number } = {
  'sequence-classification': 128,
  'causal-lm': 1024,
};

export function isLabelTask(task: TaskSpec): task is LabelTask {
  return task.kind !== 'causal-lm';
}

/** HuggingFace's word for a task of labels. */
export function problemTypeOf({ kind }: LabelTask): ProblemType {
  return kind === 'regression' ? 'regression' : 'single_label_classification';
}

/** Names of the classes by id; none where a task has no classes. */
export function labelsOf(task: TaskSpec): readonly string[] {
  return task.kind === 'sequence-classification' ? task.labels : [];
}

/** Numbers that the head of a task of labels gives for a text. */
export function labelCount(task: LabelTask): number {
  return task.kind === 'regression' ? 1 : task.labels.length;
}
