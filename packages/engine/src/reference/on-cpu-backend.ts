/** Runs eager tfjs on the cpu backend without leaving a trace in tfjs's global state. */
import '@tensorflow/tfjs-backend-cpu';
import { backend, engine, env, getBackend, tidy } from '@tensorflow/tfjs-core';

/** `compute` on the cpu backend inside a tidy; the backend from before is current again afterwards. */
export function onCpuBackend(compute: () => void): void {
  backend(); // tfjs chooses a backend when there is none yet
  const before = getBackend();
  const production = env().getBool('PROD');
  // The cpu backend prints advice about another package at its first use, except in production.
  env().set('PROD', true);
  try {
    void engine().setBackend('cpu'); // current at once: its factory is synchronous
    tidy(compute);
  } finally {
    env().set('PROD', production);
    void engine().setBackend(before);
  }
}
