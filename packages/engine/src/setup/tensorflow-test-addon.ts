/** TensorFlow for the tests of this package: the real set-up, kept between test runs in node_modules/.cache. */
import { MicrotuneError } from '@microtune/shared';
import { runProcess } from './process-runner.js';
import { testCacheFolder } from './test-libraries.js';
import { setupTensorflow } from './tensorflow.js';

export type TestAddon =
  | { readonly addonFile: string; readonly skipReason: undefined }
  | { readonly addonFile: undefined; readonly skipReason: string };

/** The addon, or why there can be none here: no pip, no compiler, no network, a platform without a wheel. */
export async function testTensorflow(): Promise<TestAddon> {
  try {
    const { addonFile } = await setupTensorflow({
      platform: 'cpu',
      cacheFolder: testCacheFolder,
      run: runProcess,
      report: () => undefined,
      timestamp: '2000-01-01T00:00:00.000Z',
    });
    return { addonFile, skipReason: undefined };
  } catch (error) {
    const unavailable =
      error instanceof MicrotuneError && (error.code === 'usage' || error.code === 'transient');
    if (!unavailable) throw error;
    return { addonFile: undefined, skipReason: `no TensorFlow here: ${error.message}` };
  }
}
