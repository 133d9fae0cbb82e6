import { join } from 'node:path';
import { GraphStore } from '@microtune/models';
import { codeId } from '../own-files.js';

/** Graphs traced before, for the command; code that is not bundled keeps none, because nothing tells when it changes. */
export function graphStoreIn(cacheFolder: string): GraphStore | undefined {
  const id = codeId();
  return id === undefined ? undefined : new GraphStore(join(cacheFolder, 'graphs'), id);
}
