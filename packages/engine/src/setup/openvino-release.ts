/**
 * The one release of OpenVINO that Microtune runs on, and the vendor's wheels that hold it. A wheel is a zip; the
 * libraries inside are the same for every Python version, so one wheel per platform is pinned by its hash and asked for
 * by its tags, whatever Python runs pip.
 */

import type { Wheel } from './wheel.js';

export const openvinoRelease = '2026.4.1';

/** `process.platform-process.arch` -> wheel. */
export const openvinoWheels: Readonly<Partial<Record<string, Wheel>>> = {
  'linux-x64': {
    name: 'openvino',
    version: openvinoRelease,
    file: 'openvino-2026.4.1-22982-cp311-cp311-manylinux_2_28_x86_64.whl',
    sha256: '2d22b1da03f7caf74df30e9f6417d0ab2f637e4a38e08e1dcd294d2c37407aaf',
    python: '3.11',
    abi: 'cp311',
    platform: 'manylinux_2_28_x86_64',
  },
  'linux-arm64': {
    name: 'openvino',
    version: openvinoRelease,
    file: 'openvino-2026.4.1-22982-cp311-cp311-manylinux_2_35_aarch64.whl',
    sha256: 'bea1eb3733c34ef331adc945da0ccda5937865031139073663be84c517ffda22',
    python: '3.11',
    abi: 'cp311',
    platform: 'manylinux_2_35_aarch64',
  },
};

/**
 * What the CPU needs of the wheel's `openvino/libs`: 93 of 169 MB on x86-64. Left out are the GPU and NPU plugins, the
 * plugins that spread work over devices, and the front ends of other formats. The IR front end reads the model cache;
 * TBB opens the last four itself when they are there.
 */
export const neededLibraries: readonly RegExp[] = [
  /^libopenvino_c\.so\.\d+$/,
  /^libopenvino\.so\.\d+$/,
  /^libopenvino_(?:onnx|ir)_frontend\.so\.\d+$/,
  /^libopenvino_(?:intel|arm)_cpu_plugin\.so$/,
  /^libtbb\.so\.\d+$/,
  /^libtbbmalloc\.so\.\d+$/,
  /^libtbbbind_2_5\.so\.\d+$/,
  /^libhwloc\.so\.\d+$/,
];

/** Patterns of `neededLibraries` without which nothing runs. */
export const indispensableLibraries = neededLibraries.slice(0, 5);
