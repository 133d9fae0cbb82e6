/** What to do after a run that was cut off through no fault of its own; begins with the full stop of what it follows. */
export function resumeAdvice(newestCheckpoint: string | undefined): string {
  return newestCheckpoint === undefined
    ? '. No checkpoint was written yet: run the command again'
    : `. Run again with --resume_from_checkpoint ${newestCheckpoint} to go on from there`;
}
