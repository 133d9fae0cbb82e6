/** Something the user should know before training, in words, and where it comes from, for programs. */
export const noteCodes = [
  /** The number of workers has decided the global batch. */
  'batch_follows_workers',
  'data',
  /** An option that was given and has no part in the run. */
  'unused_option',
  /** Fewer shards than workers. */
  'idle_workers',
  /** A resumed run goes on with other options than before. */
  'changed_on_resume',
  'engine',
  'model',
  /** What happens to the output folder. */
  'output_folder',
] as const;

export interface Note {
  readonly code: (typeof noteCodes)[number];
  readonly text: string;
}

export function notesOf(code: Note['code'], texts: readonly string[]): Note[] {
  return texts.map((text) => ({ code, text }));
}
