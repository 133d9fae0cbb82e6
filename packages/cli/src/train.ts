/** Training from code. */
import { EventEmitter, on } from 'node:events';
import type { RunNews, Summary } from '@microtune/coordinator';
import { runConfigSchema, type RunConfig } from '@microtune/shared';
import { checkKeys, withCodeNames } from './config/code-names.js';
import { withAdapterValues } from './config/adapter-values.js';
import { checkConfig } from './config/load-config.js';
import { processEnvironment } from './environment.js';

/** What is heard of a run: it opened, a step, a log line, an evaluation, a save, a note; `type` tells. */
export type TrainEvent = RunNews;

export interface TrainOptions {
  /** Hears of every event, as it happens. */
  readonly onEvent?: (event: TrainEvent) => void;
  /** Aborting it saves a checkpoint and stops; the summary's `status` is then `interrupted` (`terminated` with that reason). */
  readonly signal?: AbortSignal;
  /** Of tokenized data and engine libraries. @default as the command, `MICROTUNE_CACHE` or `~/.cache/microtune` */
  readonly cacheFolder?: string;
}

/**
 * A run under way: await it for its summary, or iterate over its events. Events are kept from the first look at the
 * iterator on; after the last one the iterator throws what ended the run, if anything did. Leaving the loop early leaves
 * the run alone.
 */
export interface TrainingRun extends Promise<Summary>, AsyncIterable<TrainEvent> {}

/**
 * Trains with worker processes on this machine, exactly as `microtune train`, and prints nothing.
 * @returns a promise of the contents of summary.json (its `status` tells a run that was asked to stop from one that
 *   completed), which is also an iterable of events
 * @throws MicrotuneError (as a rejection) with code `usage` or `data` for a configuration or files that do not fit,
 *   `transient` when a worker was lost
 * @example const { eval: metrics } = await train({ modelNameOrPath: 'model', trainFile: 'train.tsv', workers: 2 });
 * @example
 * const run = train(config);
 * for await (const event of run) if (event.type === 'evaluation') console.log(event.metrics);
 * const summary = await run;
 */
export function train(config: RunConfig, options: TrainOptions = {}): TrainingRun {
  const emitter = new EventEmitter();
  let ended = false;
  const observe = (event: TrainEvent): void => {
    options.onEvent?.(event);
    emitter.emit('event', event);
  };
  const summary = launch(config, options, observe).finally(() => {
    ended = true;
    emitter.emit('end');
  });
  async function* events(): AsyncGenerator<TrainEvent> {
    // The loop that iterates hears of a failure; without this the promise would report it again, unhandled.
    summary.catch(() => undefined);
    if (!ended)
      for await (const [event] of on(emitter, 'event', { close: ['end'] }))
        yield event as TrainEvent;
    await summary;
  }
  return Object.assign(summary, { [Symbol.asyncIterator]: events });
}

async function launch(
  config: RunConfig,
  { signal, cacheFolder }: TrainOptions,
  observe: (event: TrainEvent) => void,
): Promise<Summary> {
  const startedAt = performance.now();
  checkKeys(runConfigSchema, config, 'train');
  return withCodeNames(runConfigSchema, async () => {
    const checked = checkConfig(await withAdapterValues(config));
    const { launchTraining } = await import('./training/launch-training.js');
    const environment = processEnvironment([]);
    return launchTraining(checked, {
      cacheFolder: cacheFolder ?? environment.cacheFolder,
      variables: environment.variables,
      observe,
      stop: signal ?? new AbortController().signal,
      startedAt,
      commandLine: undefined,
    });
  });
}
