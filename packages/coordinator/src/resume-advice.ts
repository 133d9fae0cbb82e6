import { dirname, resolve } from 'node:path';

/** What to do after a run that was cut off through no fault of its own; begins with the full stop of what it follows. */
export function resumeAdvice(newestCheckpoint: string | undefined, outputDir: string): string {
  return newestCheckpoint === undefined
    ? '. No checkpoint was written yet: run the command again'
    : `. Run again with ${resumeOption(newestCheckpoint, outputDir)} to go on from ${newestCheckpoint}`;
}

/** What to do after a run that ends again the same way unless something is changed. */
export function goOnAdvice(newestCheckpoint: string, outputDir: string): string {
  return `. ${newestCheckpoint} holds the state before it: with that changed, go on with ${resumeOption(newestCheckpoint, outputDir)}`;
}

/** `true` takes the newest checkpoint of the output folder; one from elsewhere must be named. */
function resumeOption(checkpoint: string, outputDir: string): string {
  const isHere = resolve(dirname(checkpoint)) === resolve(outputDir);
  return `--resume_from_checkpoint ${isHere ? 'true' : checkpoint}`;
}

/** What to do about a checkpoint that cannot be continued, among those of its run folder, oldest first. */
export function earlierAdvice(checkpoint: string, existing: readonly string[]): string {
  const place = existing.findIndex((folder) => resolve(folder) === resolve(checkpoint));
  const earlier = existing[place - 1];
  return earlier === undefined
    ? '. No earlier checkpoint is there: start again without --resume_from_checkpoint'
    : `. Run again with --resume_from_checkpoint ${earlier} to go on from the one before`;
}
