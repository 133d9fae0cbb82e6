/** What a person, or a program with `--json`, sees of a training while it runs and when it ends. */
import type { RunNews, Summary } from '@microtune/coordinator';
import type { Clock } from '@microtune/shared';
import type { Environment } from '../environment.js';
import { byteSize, counted, duration, grouped, shortNumber, shortVersion } from './format.js';
import { progressLine, progressLog } from './progress-line.js';
import { createProgressMeter, type ProgressMeter } from './progress-meter.js';
import { renderFacts } from './table.js';
import { terminalLine, type TerminalLine } from './terminal-line.js';

export interface TrainView {
  news(news: RunNews): void;
  /** A line of the command itself, e.g. what a signal does. */
  tell(text: string): void;
  /** The end of the run. */
  summary(summary: Summary, outputDir: string): void;
  /** Removes what is drawn; the error that follows starts on a line of its own. */
  clear(): void;
}

/** Between two progress lines where they cannot be redrawn. */
const logIntervalMs = 10_000;
/** Between two redraws. */
const drawIntervalMs = 100;

/** One JSON object per line: news as the coordinator gives them, then `{"type":"summary", …}`. */
export function jsonTrainView({ stdout, stderr }: Environment): TrainView {
  const write = (line: object): void => void stdout.write(`${JSON.stringify(line)}\n`);
  return {
    news: (news) => write(flatNews(news)),
    tell: (text) => void stderr.write(`${text}\n`),
    summary: (summary, outputDir) => write({ type: 'summary', ...summary, output_dir: outputDir }),
    clear: () => undefined,
  };
}

/** Figures beside the type, so that a reader needs no second level. */
function flatNews(news: RunNews): object {
  switch (news.type) {
    case 'step':
      return { type: news.type, ...news.line, total_steps: news.totalSteps };
    case 'log':
    case 'evaluation':
      return { type: news.type, ...news.entry };
    case 'opened':
    case 'ready':
    case 'note':
    case 'saved':
    case 'reason':
      return news;
  }
}

/** Lines for people; on a terminal with one that is redrawn. */
export function textTrainView(environment: Environment, clock: Clock): TrainView {
  const line = terminalLine(environment.stdout, environment.terminal);
  const steps = stepLines(line, { environment, clock });
  return {
    news(news) {
      if (news.type === 'opened') steps.begin(news.totalSteps);
      if (news.type === 'step') steps.add(news.line);
      const text = newsText(news);
      if (text !== undefined) line.print(text);
    },
    tell: (text) => line.print(text),
    summary(summary, outputDir) {
      line.clear();
      line.print(summaryText(summary, outputDir));
    },
    clear: () => line.clear(),
  };
}

type StepLine = Extract<RunNews, { type: 'step' }>['line'];

interface StepLines {
  begin(totalSteps: number): void;
  add(step: StepLine): void;
}

function stepLines(
  line: TerminalLine,
  { environment, clock }: { environment: Environment; clock: Clock },
): StepLines {
  let meter: ProgressMeter = createProgressMeter(0);
  let lastShownMs = Number.NEGATIVE_INFINITY;
  return {
    begin(totalSteps) {
      meter = createProgressMeter(totalSteps);
    },
    add(step) {
      const nowMs = clock.now();
      const progress = meter.add({ ...step, learningRate: step.learning_rate }, nowMs);
      const interval = environment.terminal ? drawIntervalMs : logIntervalMs;
      const isLast = progress.step >= progress.totalSteps;
      if (nowMs - lastShownMs < interval && !isLast) return;
      lastShownMs = nowMs;
      if (environment.terminal) line.draw(progressLine(progress, environment.columns));
      else line.print(progressLog(progress));
    },
  };
}

/** The line for a piece of news; undefined for what the progress line shows, or events.jsonl holds. */
function newsText(news: RunNews): string | undefined {
  switch (news.type) {
    case 'opened': {
      const evaluation =
        news.evaluationSamples === 0 ? '' : `, ${grouped(news.evaluationSamples)} to evaluate`;
      const resumed = news.stepsDone === 0 ? '' : `, going on after step ${news.stepsDone}`;
      return `${grouped(news.trainSamples)} rows to train${evaluation}; ${grouped(news.totalSteps)} steps${resumed}`;
    }
    case 'ready': {
      const { engine, engineVersion, precision, threads, device } = news.device;
      const size = `${shortNumber(news.totalParameters / 1e6)} M parameters`;
      return `engine ${engine} ${shortVersion(engineVersion)}, ${precision}, ${device}, ${counted(threads, 'thread')} per worker; ${size}`;
    }
    case 'note':
      return `note: ${news.text}`;
    case 'log':
      return entryText(`step ${news.entry['step'] ?? '?'}`, news.entry);
    case 'evaluation':
      return entryText(`evaluation after step ${news.entry['step'] ?? '?'}`, news.metrics);
    case 'saved':
      return `saved ${news.folder}`;
    case 'step':
    case 'reason':
      return undefined;
  }
}

function entryText(what: string, entry: Readonly<Record<string, number>>): string {
  const figures = Object.entries(entry)
    .filter(([name]) => name !== 'step')
    .map(([name, value]) => `${name} ${shortNumber(value)}`);
  return [what, ...figures].join('  ');
}

/** The closing table. */
function summaryText(summary: Summary, outputDir: string): string {
  const facts: (readonly [string, string | number])[] = [
    ['status', summary.status],
    ['steps', `${grouped(summary.steps)} (${shortNumber(summary.epochs)} epochs)`],
  ];
  if (summary.train_loss !== undefined) facts.push(['train loss', shortNumber(summary.train_loss)]);
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
  if (summary.status !== 'completed' && summary.checkpoint !== undefined) {
    facts.push(['go on with', `--resume_from_checkpoint ${summary.checkpoint}`]);
  }
  facts.push(['results', outputDir]);
  return renderFacts(facts);
}
