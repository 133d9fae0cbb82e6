/** XLA's CPU plugin for the tests of this package: the real set-up, kept between test runs in node_modules/.cache. */
import { MicrotuneError } from '@microtune/shared';
import type { NativeEnvironment } from '../xla/native-environment.js';
import type { XlaPlugin } from '../xla/xla-compiler.js';
import { runProcess } from './process-runner.js';
import { testCacheFolder } from './test-libraries.js';
import { setupXla } from './xla.js';

export type TestPlugin =
  | { readonly plugin: XlaPlugin; readonly skipReason: undefined }
  | { readonly plugin: undefined; readonly skipReason: string };

/** The plugin, or why there can be none here: no pip, no network, a platform without a wheel. */
export async function testXlaPlugin(environment: NativeEnvironment): Promise<TestPlugin> {
  try {
    const { plugin } = await setupXla({
      platform: 'cpu',
      cacheFolder: testCacheFolder,
      run: runProcess,
      environment,
      report: () => undefined,
      timestamp: '2000-01-01T00:00:00.000Z',
    });
    return { plugin, skipReason: undefined };
  } catch (error) {
    if (
      !(error instanceof MicrotuneError) ||
      (error.code !== 'usage' && error.code !== 'transient')
    )
      throw error;
    return { plugin: undefined, skipReason: `no XLA here: ${error.message}` };
  }
}
