/** Wheels with CUDA's libraries, and what of them is laid down. */
import type { Wheel } from './wheel.js';

/**
 * A wheel without Python code of its own, for x86-64.
 * @param pinned `name==version`
 * @param tags platform tags of its file name
 * @param replacedBy libraries of the system that make it unnecessary
 */
export function nvidiaWheel(
  pinned: string,
  tags: string,
  sha256: string,
  replacedBy: readonly string[],
): Wheel {
  const [name = '', version = ''] = pinned.split('==');
  const file = `${name.replaceAll('-', '_')}-${version}-py3-none-${tags}.whl`;
  const platform = tags.split('.')[0] ?? '';
  return { name, version, file, sha256, python: '3.11', abi: 'none', platform, replacedBy };
}

/** Libraries, tools and NVIDIA's device library; no Python, headers or notices. */
export function isLibraryOrTool(path: string): boolean {
  return (
    /\.so(?:\.\d+)*$/.test(path) ||
    /\/bin\/(?:ptxas|nvlink|fatbinary)$/.test(path) ||
    /\.bc$/.test(path)
  );
}
