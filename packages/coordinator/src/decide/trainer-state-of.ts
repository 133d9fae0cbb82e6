/** The moment of a checkpoint in HuggingFace's fields, made from the run's state. */
import { runIdentity, type TrainerState } from '../trainer-state.js';
import { watchedOptions } from '../resume-notes.js';
import type { RunState } from './run-state.js';

export function trainerStateOf(state: RunState): TrainerState {
  const { spec, cadence, best } = state;
  const { config } = spec;
  const patience = config.earlyStoppingPatience;
  return {
    epoch: state.stepped / spec.stepsOfEpoch,
    global_step: state.stepped,
    max_steps: spec.totalSteps,
    num_train_epochs: Math.ceil(spec.totalSteps / spec.stepsOfEpoch),
    train_batch_size: config.trainBatchSize,
    logging_steps: cadence.loggingSteps,
    eval_steps: cadence.evalSteps,
    save_steps: cadence.saveSteps,
    num_input_tokens_seen: state.tokensSeen,
    total_flos: 0,
    log_history: [...state.logHistory],
    best_metric: best?.value ?? null,
    best_global_step: best?.step ?? null,
    best_model_checkpoint:
      best !== undefined && config.loadBestModelAtEnd ? spec.folder.best : null,
    is_local_process_zero: true,
    is_world_process_zero: true,
    is_hyper_param_search: false,
    trial_name: null,
    trial_params: null,
    stateful_callbacks:
      patience === undefined
        ? {}
        : {
            EarlyStoppingCallback: {
              args: {
                early_stopping_patience: patience,
                early_stopping_threshold: config.earlyStoppingThreshold,
              },
              attributes: { early_stopping_patience_counter: state.evaluationsWithoutImprovement },
            },
          },
    microtune: {
      identity: runIdentity(config, spec.dataHash),
      options: watchedOptions(config, spec.totalSteps),
      samplesSeen: state.samplesSeen,
      lossTotal: state.lossTotal,
      lossSinceLog: state.lossSinceLog,
      lastLoggedStep: state.lastLoggedStep,
      evaluationsWithoutImprovement: state.evaluationsWithoutImprovement,
      ...(cadence.pauses(state.stepped) && state.settled < state.stepped
        ? { pauseIsDue: true }
        : {}),
      bestMetrics: best === undefined ? undefined : { ...best.metrics },
    },
  };
}
