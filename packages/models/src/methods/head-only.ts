import type { Method, MethodModel } from './method.js';
import { moduleOf } from './module-paths.js';

/** What the task makes anew is trained, on a model that stays as it is. */
export function headOnly({ headPaths }: MethodModel): Method {
  return {
    trains: (parameter) => headPaths.includes(moduleOf(parameter)),
    adds: [],
    adapterConfig: undefined,
  };
}
