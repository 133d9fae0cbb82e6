/**
 * Removes from a package's `dist` what the compiler made of a source that is gone: `tsc -b` leaves such files, the build cache would keep them,
 * and they would be packed. Run in the package's folder, before `tsc -b`.
 */
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

const made = /\.(?:js|js\.map|d\.ts|d\.ts\.map)$/;

if (existsSync('dist')) {
  for (const path of readdirSync('dist', { recursive: true })) {
    if (made.test(path) && !existsSync(join('src', path.replace(made, '.ts')))) {
      rmSync(join('dist', path));
    }
  }
}
