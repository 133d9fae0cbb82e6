/**
 * The wheels that hold XLA's plugins, and what the CUDA one needs besides the driver. Each is pinned by its hash and
 * asked for by its tags, whatever Python runs pip. They are laid out as Python would: the CUDA plugin looks for
 * `nvidia/…/lib` two folders up from itself.
 */
import type { XlaPlatform } from '../xla/platform.js';
import { nvidiaWheel } from './nvidia-wheel.js';
import type { Wheel } from './wheel.js';

export interface XlaRelease {
  readonly platform: XlaPlatform;
  /** Names the folder below the cache. */
  readonly id: string;
  /** Path of the plugin inside its wheel. */
  readonly plugin: string;
  /** The plugin's own wheel first. */
  readonly wheels: readonly Wheel[];
}

const cpuPlugin = 'xla_plugins/xla_cpu_pjrt/xla_cpu_pjrt.so';
const cpuVersion = '0.0.1';

function cpuRelease(architecture: string, sha256: string): XlaRelease {
  const platform = `manylinux_2_27_${architecture}`;
  const file = `xla_cpu_pjrt-${cpuVersion}-py3-none-${platform}.whl`;
  const wheel = {
    name: 'xla-cpu-pjrt',
    version: cpuVersion,
    file,
    sha256,
    python: '3.11',
    abi: 'none',
    platform,
  };
  return { platform: 'cpu', id: `cpu-${cpuVersion}`, plugin: cpuPlugin, wheels: [wheel] };
}

const jaxVersion = '0.12.0';
const cuda13: XlaRelease = {
  platform: 'cuda',
  id: `cuda13-${jaxVersion}`,
  plugin: 'jax_plugins/xla_cuda13/xla_cuda_plugin.so',
  wheels: [
    nvidiaWheel(`jax-cuda13-pjrt==${jaxVersion}`, 'manylinux_2_27_x86_64', '72dc5cf1b4daa651cb98e8eb005a82c20301b418c2691964e884280ee2f9a6b4', []),
    nvidiaWheel('nvidia-cublas==13.10.0.20', 'manylinux1_x86_64.manylinux_2_5_x86_64', 'dcc6d63884c53d07e267ce7e6feac17b2538cebaafec5db865736c3e28e4dc84', ['libcublas.so.13', 'libcublasLt.so.13']),
    nvidiaWheel('nvidia-cuda-cupti==13.5.25', 'manylinux_2_25_x86_64', '9dcca41c12a734192b14e7128ae116bc9ce1b9da686e2ebf48ae7a4415f76650', ['libcupti.so.13']),
    nvidiaWheel('nvidia-cuda-nvcc==13.5.37', 'manylinux2014_x86_64.manylinux_2_17_x86_64', 'f5c4f7ead5d964fb4af42bbf1e6d3ec3c1e6e9d83b53749f691d387e7fcaa3a7', []),
    nvidiaWheel('nvidia-nvvm==13.5.37', 'manylinux2010_x86_64.manylinux_2_12_x86_64', 'c41bfa362e407405163f103c2229f0765f8cc2ed7d148b754dc77f228bf7e070', []),
    nvidiaWheel('nvidia-cuda-runtime==13.5.37', 'manylinux2014_x86_64.manylinux_2_17_x86_64', 'df2b79a8852f10d1fef8c848489c49eebb5754051bf870202a862831412b179d', ['libcudart.so.13']),
    nvidiaWheel('nvidia-cudnn-cu13==9.28.1.4', 'manylinux_2_27_x86_64', 'a54f205b1db1f2895d99f398754db1369816f0569dd459731f925635cf7b65ec', ['libcudnn.so.9']),
    nvidiaWheel('nvidia-cufft==12.5.0.14', 'manylinux2014_x86_64.manylinux_2_17_x86_64', 'b8be26837a5abad2b5b74f3e92dd29f622a42934b355be0961a48712cbba23ad', ['libcufft.so.12']),
    nvidiaWheel('nvidia-cusolver==12.4.1.2', 'manylinux_2_27_x86_64', 'b3b8e02fd2f2df869369af075dc3a179d43f6f7b85e94632a7dce556697be044', ['libcusolver.so.12']),
    nvidiaWheel('nvidia-cusparse==12.9.4.2', 'manylinux2014_x86_64.manylinux_2_17_x86_64', '072667e58c851a318738f5527a12eb225cbf058803f2ea451c722d8cf8edddec', ['libcusparse.so.12']),
    nvidiaWheel('nvidia-nccl-cu13==2.32.3', 'manylinux_2_27_x86_64', '1459723080ac889d73a26edfa3e04383a7928ab31ac8f0ec43b3ea9548b04ff3', ['libnccl.so.2']),
    nvidiaWheel('nvidia-nvjitlink==13.5.37', 'manylinux2010_x86_64.manylinux_2_12_x86_64', '280d7cb9649704145f074b8dbde500de04ce02d0872e066e20a83c17bcaa93eb', ['libnvJitLink.so.13']),
    nvidiaWheel('nvidia-cuda-nvrtc==13.5.37', 'manylinux2010_x86_64.manylinux_2_12_x86_64', '86b4d68058807988b7d9af5b44917a0601e9c337f35ccd657bfb3c759ff8d8bc', ['libnvrtc.so.13']),
  ],
}; // prettier-ignore

/** Platform -> `process.platform-process.arch` -> release. */
export const xlaReleases: Readonly<
  Record<XlaPlatform, Readonly<Partial<Record<string, XlaRelease>>>>
> = {
  cpu: {
    'linux-x64': cpuRelease(
      'x86_64',
      '55837b6b7b47daa717f2d9a5a03563ea0ceaa338d06a81a1e2d3f060d960decc',
    ),
    'linux-arm64': cpuRelease(
      'aarch64',
      '8f613be6e891858f40d64f9799319502fff42689661944fc18a6ffd8210b30c9',
    ),
  },
  cuda: { 'linux-x64': cuda13 },
};
