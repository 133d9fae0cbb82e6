/**
 * The release of TensorFlow that the addon is built against, and the vendor's wheel that holds its libraries and C
 * headers. They are the same for every Python, so one wheel per platform is pinned by its hash and asked for by its tags.
 */

export const tensorflowRelease = '2.21.0';

export interface TensorflowWheel {
  readonly file: string;
  readonly sha256: string;
  /** As pip knows the distribution. */
  readonly name: string;
  /** Compatibility tags, as pip's --python-version, --abi and --platform take them. */
  readonly python: string;
  readonly abi: string;
  readonly platform: string;
}

/** `process.platform-process.arch` -> wheel without CUDA. */
export const tensorflowWheels: Readonly<Partial<Record<string, TensorflowWheel>>> = {
  'linux-x64': {
    file: 'tensorflow_cpu-2.21.0-cp311-cp311-manylinux_2_27_x86_64.whl',
    sha256: '2b847d217b02ee7731ed91431daf3250daa0196c3c94614d23be27232e6e5b6c',
    name: 'tensorflow-cpu',
    python: '3.11',
    abi: 'cp311',
    platform: 'manylinux_2_27_x86_64',
  },
};

/** Of the wheel's folder `tensorflow`: two libraries, and the headers that the addon includes. */
const wanted = [
  /^tensorflow\/libtensorflow_(?:cc|framework)\.so\.2$/,
  /^tensorflow\/include\/tensorflow\/c\/(?:eager\/)?[a-z_]+\.h$/,
  /^tensorflow\/include\/(?:tensorflow\/core|tsl)\/platform\/ctstring(?:_internal)?\.h$/,
  /^tensorflow\/include\/xla\/tsl\/c\/tsl_status\.h$/,
];

export function isNeededOfTensorflow(path: string): boolean {
  return wanted.some((pattern) => pattern.test(path));
}
