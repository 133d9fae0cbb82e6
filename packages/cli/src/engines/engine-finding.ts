import type { EngineName, XlaPlatform } from '@microtune/engine';

export interface EngineOnPlatform {
  readonly name: EngineName;
  readonly platform: XlaPlatform;
}

/** Whether an engine loads on this machine, and with what. */
export type EngineFinding =
  | (EngineOnPlatform & {
      readonly loads: true;
      readonly version: string;
      readonly device: string;
      readonly precisions: readonly string[];
    })
  | (EngineOnPlatform & {
      readonly loads: false;
      readonly reason: string;
      readonly remedy: string | undefined;
    });
