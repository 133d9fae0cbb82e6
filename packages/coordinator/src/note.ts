/** Something the user should know, in words, and where it comes from, for programs. */
/** What happens to processes while a run goes on: notes, and reasons too. */
export const lifeCodes = [
  'waiting_for_worker',
  'worker_goes_on',
  /** The coordinator itself stood still. */
  'own_pause',
  /** The run ends early, and a worker saves what there is. */
  'rescue',
] as const;

export const noteCodes = [
  /** The number of workers has decided the global batch. */
  'batch_follows_workers',
  'data',
  /** What is learned, where it was found and not named. */
  'task',
  /** An option that was given and has no part in the run. */
  'unused_option',
  /** A warm-up longer than the run, a batch larger than the data. */
  'odd_length',
  /** Fewer shards than workers. */
  'idle_workers',
  /** A resumed run goes on with other options than before. */
  'changed_on_resume',
  'engine',
  'model',
  /** What of the model is trained, where it is not everything. */
  'trained',
  /** What happens to the output folder. */
  'output_folder',
  ...lifeCodes,
] as const;

export interface Note {
  readonly code: (typeof noteCodes)[number];
  readonly text: string;
}

export function notesOf(code: Note['code'], texts: readonly string[]): Note[] {
  return texts.map((text) => ({ code, text }));
}
