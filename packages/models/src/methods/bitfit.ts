import type { Method, MethodModel } from './method.js';
import { moduleOf } from './module-paths.js';

/** Biases alone are trained, and what the task makes anew (Ben Zaken et al. 2021). */
export function bitfit({ headPaths }: MethodModel): Method {
  return {
    trains: (parameter) => parameter.endsWith('.bias') || headPaths.includes(moduleOf(parameter)),
    adds: [],
    adapterConfig: undefined,
  };
}
