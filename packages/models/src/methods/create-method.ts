/** The methods by name: the one place that lists them. */
import { bitfit } from './bitfit.js';
import { freeze } from './freeze.js';
import { full } from './full.js';
import { headOnly } from './head-only.js';
import { ia3 } from './ia3.js';
import { lora } from './lora.js';
import type { Method, MethodModel } from './method.js';
import type { MethodSpec } from './method-spec.js';

/** @throws MicrotuneError `usage` for settings that do not fit the model */
export function createMethod(spec: MethodSpec, model: MethodModel): Method {
  switch (spec.kind) {
    case 'full':
      return full();
    case 'freeze':
      return freeze(model, spec);
    case 'head_only':
      return headOnly(model);
    case 'bitfit':
      return bitfit(model);
    case 'lora':
      return lora(model, spec);
    case 'ia3':
      return ia3(model, spec);
  }
}
