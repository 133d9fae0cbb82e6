/** OpenVINO for the tests of this package: the real set-up, kept between test runs in node_modules/.cache. */
import { fileURLToPath } from 'node:url';
import { MicrotuneError } from '@microtune/shared';
import { runProcess } from './process-runner.js';
import { setupOpenvino } from './setup-openvino.js';

/** Where all tests keep engine libraries. */
export const testCacheFolder = fileURLToPath(
  new URL('../../../../node_modules/.cache/microtune', import.meta.url),
);

export type TestLibraries =
  | { readonly librariesFolder: string; readonly skipReason: undefined }
  | { readonly librariesFolder: undefined; readonly skipReason: string };

/** The libraries, or why there can be none here: no pip, no network, a platform without a wheel. */
export async function testLibraries(): Promise<TestLibraries> {
  try {
    const { librariesFolder } = await setupOpenvino({
      cacheFolder: testCacheFolder,
      run: runProcess,
      report: () => undefined,
      timestamp: '2000-01-01T00:00:00.000Z',
    });
    return { librariesFolder, skipReason: undefined };
  } catch (error) {
    if (!isUnavailable(error)) throw error;
    return { librariesFolder: undefined, skipReason: `no OpenVINO here: ${error.message}` };
  }
}

/** Whether a set-up failed for want of Python, pip, network or a wheel, rather than by a fault of ours. */
export function isUnavailable(error: unknown): error is MicrotuneError {
  return error instanceof MicrotuneError && (error.code === 'usage' || error.code === 'transient');
}
