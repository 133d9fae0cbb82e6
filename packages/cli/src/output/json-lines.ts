/**
 * What `train --json` writes: one object per line, `type` first, keys in snake_case, figures beside the type.
 */
import { optionName } from '@microtune/shared';
import type { RunNews } from '@microtune/coordinator';
import type { Progress } from './progress-line.js';

/** @param progress of the step that the news is about, for news of a step */
export function jsonLine(news: RunNews, progress?: Progress): object {
  switch (news.type) {
    case 'step':
      return {
        type: news.type,
        ...news.line,
        total_steps: news.totalSteps,
        step_ms: rounded(news.stepMs),
        tokens_per_second: rounded(progress?.tokensPerSecond),
        eta_seconds: rounded(progress?.remainingSeconds),
      };
    case 'log':
    case 'evaluation':
      return { type: news.type, ...news.entry };
    case 'opened':
    case 'ready':
    case 'note':
    case 'saved':
    case 'reason':
      return snakeKeys(news) as object;
  }
}

function rounded(value: number | undefined): number | undefined {
  return value === undefined ? undefined : Number(value.toFixed(3));
}

function snakeKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(snakeKeys);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [optionName(key), snakeKeys(inner)]),
  );
}
