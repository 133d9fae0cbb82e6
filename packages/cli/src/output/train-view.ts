/** What a person, or a program with `--json`, sees of a training while it runs and when it ends. */
import type { RunNews, Summary } from '@microtune/coordinator';
import type { Clock } from '@microtune/shared';
import type { Environment } from '../environment.js';
import { ownVersion } from '../own-files.js';
import { counted, grouped, shortNumber, shortVersion } from './format.js';
import { jsonLine } from './json-lines.js';
import { schemaVersion } from './schema-version.js';
import { progressLine, progressLog, type Progress } from './progress-line.js';
import { createProgressMeter, type ProgressMeter } from './progress-meter.js';
import { summaryText } from './summary-text.js';
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

/** `{"type":"start", …}`, the news as the coordinator gives them, `{"type":"summary", …}`. */
export function jsonTrainView({ stdout, stderr }: Environment, clock: Clock): TrainView {
  const write = (line: object): void => void stdout.write(`${JSON.stringify(line)}\n`);
  const meter = stepMeter(clock);
  write({
    type: 'start',
    schema_version: schemaVersion,
    microtune_version: ownVersion(),
    node_version: process.versions.node,
    time: clock.timestamp(),
  });
  return {
    news: (news) => write(jsonLine(news, meter.take(news))),
    tell: (text) => void stderr.write(`${text}\n`),
    summary: (summary, outputDir) => write({ type: 'summary', ...summary, output_dir: outputDir }),
    clear: () => undefined,
  };
}

/** Lines for people; on a terminal with one that is redrawn. */
export function textTrainView(environment: Environment, clock: Clock): TrainView {
  const line = terminalLine(environment.stdout, environment.terminal);
  const meter = stepMeter(clock);
  const steps = stepLines(line, { environment, clock });
  return {
    news(news) {
      const progress = meter.take(news);
      if (progress !== undefined) return steps.add(progress);
      const text = newsText(news);
      if (text === undefined) return;
      steps.catchUp();
      line.print(text);
    },
    tell: (text) => line.print(text),
    summary(summary, outputDir) {
      line.clear();
      line.print(summaryText(summary, outputDir));
    },
    clear: () => line.clear(),
  };
}

/** Speed and remaining time at each step of a run. */
function stepMeter(clock: Clock): { take(news: RunNews): Progress | undefined } {
  let meter: ProgressMeter = createProgressMeter(0);
  return {
    take(news) {
      if (news.type === 'opened') meter = createProgressMeter(news.totalSteps);
      if (news.type !== 'step') return undefined;
      return meter.add({ ...news.line, learningRate: news.line.learning_rate }, clock.now());
    },
  };
}

interface StepLines {
  add(progress: Progress): void;
  /** Draws the newest step, so that nothing printed beside it tells of a later one. */
  catchUp(): void;
}

function stepLines(
  line: TerminalLine,
  { environment, clock }: { environment: Environment; clock: Clock },
): StepLines {
  let lastShownMs = Number.NEGATIVE_INFINITY;
  let waiting: Progress | undefined;
  const draw = (progress: Progress): void => {
    waiting = undefined;
    line.draw(progressLine(progress, environment.columns));
  };
  return {
    add(progress) {
      const nowMs = clock.now();
      const interval = environment.terminal ? drawIntervalMs : logIntervalMs;
      const isLast = progress.step >= progress.totalSteps;
      waiting = progress;
      if (nowMs - lastShownMs < interval && !isLast) return;
      lastShownMs = nowMs;
      if (environment.terminal) draw(progress);
      else line.print(progressLog(progress));
    },
    catchUp() {
      if (environment.terminal && waiting !== undefined) draw(waiting);
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
      const steps = `${counted(news.totalSteps, 'step')} of ${counted(news.trainBatchSize, 'row')}`;
      return `${grouped(news.trainSamples)} rows to train${evaluation}; ${steps}${resumed}`;
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
    case 'reason':
      return shownReasons.has(news.code) ? news.text : undefined;
    case 'step':
      return undefined;
  }
}

/** Decisions that a person in front of the screen would otherwise wonder about. */
const shownReasons: ReadonlySet<Extract<RunNews, { type: 'reason' }>['code']> = new Set([
  'stopped_early',
  'restoring_best',
]);

function entryText(what: string, entry: Readonly<Record<string, number>>): string {
  const figures = Object.entries(entry)
    .filter(([name]) => name !== 'step')
    .map(([name, value]) => `${name} ${shortNumber(value)}`);
  return [what, ...figures].join('  ');
}
