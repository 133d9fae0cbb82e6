/**
 * The release of TensorFlow that the addon is built against, and the vendor's wheel that holds its libraries and C
 * headers. They are the same for every Python, so one wheel per platform is pinned by its hash and asked for by its tags.
 */

import type { XlaPlatform } from '../xla/platform.js';
import { isLibraryOrTool, nvidiaWheel } from './nvidia-wheel.js';
import type { Wheel } from './wheel.js';

export const tensorflowVersion = '2.21.0';

/** What to know of a library of another version; undefined for the pinned one. @param version what the library says it is */
export function untestedTensorflow(version: string): string | undefined {
  if (version === tensorflowVersion) return undefined;
  const age = version.startsWith('2.9.')
    ? '; it is of 2022 and made for CUDA 11.2, which knows no card newer than Ampere (compute capability 8.6)'
    : '';
  return `Microtune is tested with TensorFlow ${tensorflowVersion}, and this one is ${version}${age}`;
}

export interface TensorflowRelease {
  readonly platform: XlaPlatform;
  /** Names the folder below the cache. */
  readonly id: string;
  /** TensorFlow's own wheel first. */
  readonly wheels: readonly Wheel[];
}

function tensorflowWheel(name: string, sha256: string): Wheel {
  const platform = 'manylinux_2_27_x86_64';
  const version = tensorflowVersion;
  const file = `${name.replaceAll('-', '_')}-${version}-cp311-cp311-${platform}.whl`;
  return { name, version, file, sha256, python: '3.11', abi: 'cp311', platform };
}

const cpu: TensorflowRelease = {
  platform: 'cpu',
  id: tensorflowVersion,
  wheels: [
    tensorflowWheel('tensorflow-cpu', '2b847d217b02ee7731ed91431daf3250daa0196c3c94614d23be27232e6e5b6c'),
  ],
}; // prettier-ignore

/** What the extra `and-cuda` of the wheel asks for; the library looks for `nvidia/…/lib` beside its folder. */
const cuda12: TensorflowRelease = {
  platform: 'cuda',
  id: `${tensorflowVersion}-cuda12`,
  wheels: [
    tensorflowWheel('tensorflow', '9056fbc9ba04235810b71ae6cbd958a196e8804fb53bbcffbf3e23b56155f124'),
    nvidiaWheel('nvidia-cublas-cu12==12.9.3.13', 'manylinux_2_27_x86_64', 'd7d51055f161b317c7105ddaae90e71eda059026074ffef93cf7cde2886bfe72', ['libcublas.so.12', 'libcublasLt.so.12']),
    nvidiaWheel('nvidia-cuda-cupti-cu12==12.8.90', 'manylinux2014_x86_64.manylinux_2_17_x86_64', 'ea0cb07ebda26bb9b29ba82cda34849e73c166c18162d3913575b0c9db9a6182', ['libcupti.so.12']),
    nvidiaWheel('nvidia-cuda-nvcc-cu12==12.9.86', 'manylinux2010_x86_64.manylinux_2_12_x86_64', '5d6a0d32fdc7ea39917c20065614ae93add6f577d840233237ff08e9a38f58f0', []),
    nvidiaWheel('nvidia-cuda-nvrtc-cu12==12.9.86', 'manylinux2010_x86_64.manylinux_2_12_x86_64', '210cf05005a447e29214e9ce50851e83fc5f4358df8b453155d5e1918094dcb4', ['libnvrtc.so.12']),
    nvidiaWheel('nvidia-cuda-runtime-cu12==12.9.79', 'manylinux2014_x86_64.manylinux_2_17_x86_64', '25bba2dfb01d48a9b59ca474a1ac43c6ebf7011f1b0b8cc44f54eb6ac48a96c3', ['libcudart.so.12']),
    nvidiaWheel('nvidia-cudnn-cu12==9.28.0.42', 'manylinux_2_27_x86_64', '9ff58b7f36dacd0a93e89f8f2957b52466889217963701daa15e577317cfa375', ['libcudnn.so.9']),
    nvidiaWheel('nvidia-cufft-cu12==11.4.1.4', 'manylinux2014_x86_64.manylinux_2_17_x86_64', 'c67884f2a7d276b4b80eb56a79322a95df592ae5e765cf1243693365ccab4e28', ['libcufft.so.11']),
    nvidiaWheel('nvidia-curand-cu12==10.3.10.19', 'manylinux_2_27_x86_64', '49b274db4780d421bd2ccd362e1415c13887c53c214f0d4b761752b8f9f6aa1e', ['libcurand.so.10']),
    nvidiaWheel('nvidia-cusolver-cu12==11.7.5.82', 'manylinux_2_27_x86_64', '15da72d1340d29b5b3cf3fd100e3cd53421dde36002eda6ed93811af63c40d88', ['libcusolver.so.11']),
    nvidiaWheel('nvidia-cusparse-cu12==12.5.10.65', 'manylinux2014_x86_64.manylinux_2_17_x86_64', '73060ce019ac064a057267c585bf1fd5a353734151f87472ff02b2c5c9984e78', ['libcusparse.so.12']),
    nvidiaWheel('nvidia-nccl-cu12==2.32.3', 'manylinux_2_27_x86_64', 'bb94b2348e4861d5e8aa00b36c3d12d9bdf9c6369b82cbb723de0b582280a21c', ['libnccl.so.2']),
    nvidiaWheel('nvidia-nvjitlink-cu12==12.9.86', 'manylinux2010_x86_64.manylinux_2_12_x86_64', 'e3f1171dbdc83c5932a45f0f4c99180a70de9bd2718c1ab77d14104f6d7147f9', ['libnvJitLink.so.12']),
  ],
}; // prettier-ignore

/** Platform -> `process.platform-process.arch` -> release. */
export const tensorflowReleases: Readonly<
  Record<XlaPlatform, Readonly<Partial<Record<string, TensorflowRelease>>>>
> = { cpu: { 'linux-x64': cpu }, cuda: { 'linux-x64': cuda12 } };

/** Of the wheel's folder `tensorflow`: two libraries, and the headers that the addon includes. */
const wanted = [
  /^tensorflow\/libtensorflow_(?:cc|framework)\.so\.2$/,
  /^tensorflow\/include\/tensorflow\/c\/(?:eager\/)?[a-z_]+\.h$/,
  /^tensorflow\/include\/(?:tensorflow\/core|tsl)\/platform\/ctstring(?:_internal)?\.h$/,
  /^tensorflow\/include\/xla\/tsl\/c\/tsl_status\.h$/,
];

/** Where a file of the wheels goes: to its own path, if it is needed. */
export function placeOfTensorflow(path: string): string | undefined {
  const needed = path.startsWith('nvidia/')
    ? isLibraryOrTool(path)
    : wanted.some((pattern) => pattern.test(path));
  return needed ? path : undefined;
}
