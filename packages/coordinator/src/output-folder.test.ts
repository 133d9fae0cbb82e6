import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parseRunConfig, runFolder } from '@microtune/shared';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkOutputFolder } from './output-folder.js';
import { writeMarker } from './run-marker.js';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'microtune-output-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** Makes the folder of a file, and the file. */
function put(...names: string[]): string {
  const file = join(root, ...names);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, '{"mine":1}');
  return file;
}

function makeRun(name: string, hasModel: boolean): string {
  const folder = join(root, name);
  mkdirSync(folder);
  writeMarker(runFolder(folder), { run_id: 'r', has_model: hasModel });
  return folder;
}

const check = (outputDir: string, more: Record<string, unknown> = {}): void => {
  const written = { modelNameOrPath: join(root, 'model'), trainFile: join(root, 'train.tsv') };
  checkOutputFolder(parseRunConfig({ ...written, outputDir, ...more }));
};

describe('checkOutputFolder', () => {
  it('takes what is new, empty, or a run, whatever else lies in it', () => {
    check(join(root, 'new', 'deep'));
    mkdirSync(join(root, 'empty'));
    check(join(root, 'empty'));
    put('volume', 'lost+found', 'x');
    put('volume', '.gitignore');
    check(join(root, 'volume'));
    const run = makeRun('run', true);
    for (const file of ['config.json', 'notes.txt', 'plots/loss.png']) put('run', file);
    check(run);
    expect(readdirSync(root).sort()).toEqual(['empty', 'run', 'volume']);
    expect(readdirSync(join(root, 'empty'))).toEqual([]);
  });

  it('refuses a folder with files that are not of a run (A1), and does not touch it', () => {
    put('project', 'config.json');
    expect(() => check(join(root, 'project'))).toThrow(
      /^output_dir: .*project cannot be written, because it holds files that are not of a run \(config\.json\), .*choose a new or an empty folder$/,
    );
    put('other', 'model.safetensors');
    symlinkSync(join(root, 'other'), join(root, 'link'));
    for (const name of ['other', 'link', 'project/../other', 'other/']) {
      expect(() => check(join(root, name))).toThrow(
        'files that are not of a run (model.safetensors)',
      );
    }
    // A copied configuration makes no run, and neither does another tool's file of that name.
    put('copied', 'config.resolved.yaml');
    put('copied', 'microtune.json');
    expect(() => check(join(root, 'copied'))).toThrow('not of a run');
    expect(() => check('/')).toThrow(/^model_name_or_path .* is inside output_dir/);
    expect(readdirSync(join(root, 'project'))).toEqual(['config.json']);
  });

  it("refuses a run in which the user has put a model file of another's, until it has saved its own", () => {
    makeRun('run', false);
    put('run', 'config.json');
    expect(() => check(join(root, 'run'))).toThrow(/config\.json would be overwritten: move/);
  });

  it('refuses the model itself, around it and inside it, through links, dots and slashes', () => {
    put('run', 'best', 'config.json');
    writeMarker(runFolder(join(root, 'run')), { run_id: 'r', has_model: true });
    symlinkSync(join(root, 'run', 'best'), join(root, 'link'));
    const best = join(root, 'run', 'best');
    for (const model of [best, `${best}/`, join(root, 'link'), join(root, 'x', '..', 'link')]) {
      const more = { modelNameOrPath: model };
      expect(() => check(best, more)).toThrow('overwrite its own start');
      expect(() => check(join(root, 'link'), more)).toThrow('overwrite its own start');
      expect(() => check(join(root, 'run'), more)).toThrow(
        /model_name_or_path .* is inside output_dir/,
      );
      expect(() => check(join(root, 'link', 'new'), more)).toThrow(
        /output_dir .* is inside model_name/,
      );
    }
  });

  it('refuses data that lies among what a run replaces; elsewhere in a run it is safe', () => {
    const run = makeRun('run', true);
    symlinkSync(run, join(root, 'link'));
    const inside = { trainFile: put('run', 'logs', 'train.tsv') };
    expect(() => check(run, inside)).toThrow(/^train_file: .*train\.tsv is among the files/);
    expect(() => check(join(root, 'link'), inside)).toThrow(/^train_file/);
    const metrics = { validationFile: [put('valid.tsv'), put('run', 'metrics.jsonl')] };
    expect(() => check(run, metrics)).toThrow(/^validation_file: .*metrics\.jsonl/);
    check(run, { trainFile: put('run', 'data', 'train.tsv') });
  });

  it('refuses what no folder can be (E19)', () => {
    for (const nothing of ['', ' ']) expect(() => check(nothing)).toThrow(/^output_dir: .* empty/);
    writeFileSync(join(root, 'file'), '');
    for (const path of ['file', 'file/deep/run'])
      expect(() => check(join(root, path))).toThrow(/file is not a folder/);
    symlinkSync(join(root, 'nowhere'), join(root, 'dangling'));
    for (const path of ['dangling', 'dangling/run'])
      expect(() => check(join(root, path))).toThrow(/^output_dir: .*dangling/);
    symlinkSync(join(root, 'loop'), join(root, 'loop'));
    expect(() => check(join(root, 'loop', 'run'))).toThrow(/^output_dir: .*ELOOP/);
    expect(existsSync(join(root, 'nowhere'))).toBe(false);
  });

  it.runIf(process.platform === 'linux')('refuses where nothing can be made', () => {
    for (const outputDir of ['/proc/runs/a', '/proc/self/fd/x/y', '/sys/run']) {
      expect(() => check(outputDir)).toThrow(
        /^output_dir: .* cannot be written, because nothing can be made in .*choose another/,
      );
    }
  });

  it.skipIf(process.getuid?.() === 0)('refuses a folder without permission', () => {
    const closed = join(root, 'closed');
    mkdirSync(closed, { mode: 0o555 });
    expect(() => check(join(closed, 'run'))).toThrow(/EACCES/);
  });
});
