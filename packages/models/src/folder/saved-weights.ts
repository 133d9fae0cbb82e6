/**
 * Weights are stored once where a run saves the same ones several times: as best, in a checkpoint, as the final model.
 *
 * A folder gets files of an earlier one as copies that share their blocks, where the file system can (btrfs, XFS: a change to one does
 * not show in the other), else as hard links. Only files that this process has written and nobody has changed since are
 * taken. Nothing of ours changes a file in place: folders are written aside, and a file that goes is unlinked.
 */
import { constants } from 'node:fs';
import { copyFile, link, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { assert, isWeightsFile, settledPath } from '@microtune/shared';

interface SavedFolder {
  readonly sha256: string;
  readonly folder: string;
  readonly files: readonly { name: string; ino: number; size: number; mtimeMs: number }[];
}

/** What the weights to be saved are, and where they may lie already. */
export interface KnownWeights {
  readonly sha256: string;
  /** @returns names of the weights' files, now in `folder`, too; undefined where they must be written */
  reuse(folder: string): Promise<string[] | undefined>;
}

/** A run saves at most this many folders before it comes back to weights: best and a checkpoint, then the model. */
const remembered = 4;

export class SavedWeights {
  #saved: SavedFolder[] = [];

  /** @param sha256 of the parameters, as paramsSha256 */
  of(sha256: string): KnownWeights {
    return { sha256, reuse: (folder) => this.#reuse(sha256, folder) };
  }

  /** @param folder holds weights of that hash, whole */
  async remember(sha256: string, folder: string): Promise<void> {
    const names = (await readdir(folder)).filter(isWeightsFile);
    const files = await Promise.all(
      names.map(async (name) => {
        const { ino, size, mtimeMs } = await stat(join(folder, name));
        return { name, ino, size, mtimeMs };
      }),
    );
    this.#saved = [...this.#saved, { sha256, folder, files }].slice(-remembered);
  }

  async #reuse(sha256: string, into: string): Promise<string[] | undefined> {
    for (const saved of this.#saved.filter((one) => one.sha256 === sha256).reverse()) {
      // The folder of a young run moves when the run takes its place.
      for (const from of new Set([saved.folder, settledPath(saved.folder)])) {
        if (await shareAll(saved, from, into)) return saved.files.map(({ name }) => name);
      }
    }
    return undefined;
  }
}

async function shareAll({ files }: SavedFolder, from: string, into: string): Promise<boolean> {
  try {
    for (const { name, ...then } of files) {
      const now = await stat(join(from, name));
      assert(
        now.ino === then.ino && now.size === then.size && now.mtimeMs === then.mtimeMs,
        `${name} is as it was saved`,
      );
      await share(join(from, name), join(into, name));
    }
    return files.length > 0;
  } catch {
    // Gone, changed, on another disk, or a file system without links: whatever was shared goes, and the weights are written.
    for (const { name } of files) await rm(join(into, name), { force: true });
    return false;
  }
}

async function share(from: string, to: string): Promise<void> {
  try {
    await copyFile(from, to, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE_FORCE);
  } catch {
    await rm(to, { force: true });
    await link(from, to);
  }
}
