import { MicrotuneError, runConfigSchema } from '@microtune/shared';
import { describe, expect, it } from 'vitest';
import { normalizeArguments } from './normalize-arguments.js';
import { optionTable } from './option-table.js';

const table = optionTable(runConfigSchema);
const takes = (word: string): boolean => word === 'config.yaml';
const normal = (line: string): string[] =>
  normalizeArguments(line.split(' '), { command: 'train', table, takes });
const refusal = (line: string): string => {
  try {
    normal(line);
  } catch (error) {
    if (error instanceof MicrotuneError && error.code === 'usage') return error.message;
    throw error;
  }
  throw new Error(`${line} was accepted`);
};

describe('normalizeArguments', () => {
  it('takes dashes and underscores alike, and values after a space or an equals sign', () => {
    expect(normal('--train_file a.tsv')).toEqual(['--train_file=a.tsv']);
    expect(normal('--train-file=a.tsv')).toEqual(['--train_file=a.tsv']);
  });

  it('takes every form of a boolean and leaves a positional after it alone', () => {
    expect(normal('--bf16 config.yaml')).toEqual(['--bf16=true', 'config.yaml']);
    expect(normal('--bf16 true')).toEqual(['--bf16=true']);
    expect(normal('--bf16 False --json')).toEqual(['--bf16=False', '--json=true']);
    expect(normal('--no-bf16 --no_json')).toEqual(['--bf16=false', '--json=false']);
  });

  it('takes a negative number as a value', () => {
    expect(normal('--max_steps -1')).toEqual(['--max_steps=-1']);
  });

  it('takes --resume_from_checkpoint alone or with a folder', () => {
    expect(normal('--resume_from_checkpoint --bf16')).toEqual([
      '--resume_from_checkpoint=true',
      '--bf16=true',
    ]);
    expect(normal('--resume_from_checkpoint runs/a/checkpoint-5')).toEqual([
      '--resume_from_checkpoint=runs/a/checkpoint-5',
    ]);
  });

  it('offers the nearest name for an unknown option', () => {
    expect(refusal('--learning_rat 1e-4')).toBe(
      'unknown option --learning_rat; did you mean --learning_rate?',
    );
    expect(refusal('--num-train-epoch 1')).toBe(
      'unknown option --num-train-epoch; did you mean --num_train_epochs?',
    );
    expect(refusal('--xyzzy 1')).toBe('unknown option --xyzzy; see microtune train --help');
  });

  it('says why an option of HuggingFace is refused', () => {
    expect(refusal('--fp16')).toBe(
      '--fp16 is an option of HuggingFace that Microtune refuses: CPUs have no float16 products; use --bf16',
    );
    expect(refusal('--group-by-length')).toContain('--group-by-length is an option of HuggingFace');
  });

  it('asks for a missing value', () => {
    expect(refusal('--learning_rate --bf16')).toContain('--learning_rate needs a value');
    expect(refusal('--workers')).toContain('--workers needs a value');
  });
});
