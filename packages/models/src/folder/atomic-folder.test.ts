import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeFolderAtomically, type FolderContent } from './atomic-folder.js';

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'atomic-'));
});
afterAll(async () => rm(root, { recursive: true }));

const content = (files: Record<string, string>): FolderContent => ({
  write: async (folder) => {
    for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
    return Object.keys(files);
  },
  isOurs: (name) => name.endsWith('.json'),
});

/** As the disk does when it is full in the middle of the second file. */
const diskFull: FolderContent = {
  write: async (folder) => {
    await writeFile(join(folder, 'a.json'), 'half');
    throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
  },
  isOurs: (name) => name.endsWith('.json'),
};

async function contents(folder: string): Promise<Record<string, string>> {
  const names = (await readdir(folder, { withFileTypes: true })).filter((entry) => entry.isFile());
  const entries = names.map(async ({ name }) => [name, await readFile(join(folder, name), 'utf8')]);
  return Object.fromEntries(await Promise.all(entries)) as Record<string, string>;
}

describe('writeFolderAtomically', () => {
  it('makes a folder, then replaces it, leaving nothing beside it', async () => {
    const folder = join(root, 'replaced', 'checkpoint-1');
    await writeFolderAtomically(folder, content({ 'a.json': '1', 'b.json': '1' }));
    await writeFolderAtomically(folder, content({ 'a.json': '2' }));
    expect(await contents(folder)).toEqual({ 'a.json': '2' });
    expect(await readdir(join(root, 'replaced'))).toEqual(['checkpoint-1']);
  });

  it('keeps what it does not write, and drops what a former content left', async () => {
    const folder = join(root, 'run');
    await mkdir(join(folder, 'logs'), { recursive: true });
    await writeFile(join(folder, 'metrics.jsonl'), 'kept');
    await writeFolderAtomically(folder, content({ 'a.json': '1', 'old.json': '1' }));
    await writeFolderAtomically(folder, content({ 'a.json': '2' }));
    expect(await contents(folder)).toEqual({ 'a.json': '2', 'metrics.jsonl': 'kept' });
    expect(await readdir(folder)).toContain('logs');
  });

  it('leaves the previous folder whole when the disk is full', async () => {
    const folder = join(root, 'full', 'best');
    await writeFolderAtomically(folder, content({ 'a.json': '1' }));
    await expect(writeFolderAtomically(folder, diskFull)).rejects.toMatchObject({
      code: 'transient',
      message: expect.stringMatching(/cannot save .*best: ENOSPC/) as string,
    });
    expect(await contents(folder)).toEqual({ 'a.json': '1' });
    expect(await readdir(join(root, 'full'))).toEqual(['best']);
  });

  it('clears what a killed process left', async () => {
    const folder = join(root, 'killed', 'best');
    await mkdir(`${folder}.partial-1`, { recursive: true });
    await writeFolderAtomically(folder, content({ 'a.json': '1' }));
    expect(await readdir(join(root, 'killed'))).toEqual(['best']);
  });

  it('says what is in the way', async () => {
    await writeFile(join(root, 'file'), '');
    await expect(
      writeFolderAtomically(join(root, 'file', 'best'), content({ 'a.json': '1' })),
    ).rejects.toMatchObject({ code: 'transient' });
  });
});
