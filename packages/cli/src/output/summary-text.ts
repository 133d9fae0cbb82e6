/** The closing table of a training, and below it what is copied from the screen: a table would break long paths. */
import type { Summary } from '@microtune/coordinator';
import { byteSize, counted, duration, grouped, shortNumber } from './format.js';
import { renderFacts } from './table.js';

export function summaryText(summary: Summary, outputDir: string): string {
  const facts: (readonly [string, string | number])[] = [
    ['status', statusText(summary)],
    ['steps', stepsText(summary)],
  ];
  if (summary.train_loss !== undefined) facts.push(['train loss', shortNumber(summary.train_loss)]);
  if (summary.best_step !== undefined) facts.push(['best step', bestText(summary)]);
  for (const [name, value] of Object.entries(summary.eval ?? {}))
    facts.push([`eval ${name}`, shortNumber(value)]);
  facts.push(
    ['time', duration(summary.wall_seconds)],
    ['tokens/s', grouped(summary.tokens_per_second)],
    [
      'step ms p50 / p95',
      `${shortNumber(summary.step_ms.p50)} / ${shortNumber(summary.step_ms.p95)}`,
    ],
    [
      'workers',
      `${summary.workers} x ${counted(summary.threads_per_worker, 'thread')}, ${summary.engine}`,
    ],
  );
  if (summary.peak_memory_bytes !== undefined)
    facts.push(['peak memory', byteSize(summary.peak_memory_bytes)]);
  if (summary.params_sha256 !== undefined)
    facts.push(['params sha256', summary.params_sha256.slice(0, 16)]);
  const below = [`results: ${outputDir}`];
  if (summary.status !== 'completed' && summary.checkpoint !== undefined)
    below.push(`go on with: --resume_from_checkpoint ${summary.checkpoint}`);
  return [renderFacts(facts), ...below].join('\n');
}

function statusText({ status, stopped_early: early }: Summary): string {
  return early ? `${status}, stopped early: evaluations got no better` : status;
}

/** `200 of 1,000 (4 of 20 epochs)`, or `1,000 (20 epochs)` where nothing was left out. */
function stepsText({ steps, total_steps: total, epochs }: Summary): string {
  if (total === undefined || steps === 0 || steps >= total)
    return `${grouped(steps)} (${shortNumber(epochs)} epochs)`;
  const ofEpochs = shortNumber((epochs * total) / steps);
  return `${grouped(steps)} of ${grouped(total)} (${shortNumber(epochs)} of ${ofEpochs} epochs)`;
}

function bestText({ best_step: step, restored_best: restored }: Summary): string {
  return restored ? `${step}, whose weights are the result` : String(step);
}
