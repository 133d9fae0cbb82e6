import { expect, it } from 'vitest';
import { deviceError, deviceFailure, type DeviceFailureKind } from './device-failures.js';

/** Texts as the libraries write them. */
const texts: readonly (readonly [string, DeviceFailureKind | undefined])[] = [
  ['CUDA_ERROR_ECC_UNCORRECTABLE: uncorrectable ECC error encountered', 'lost'],
  ['INTERNAL: Failed to launch CUDA kernel: fusion_12; CUDA_ERROR_LAUNCH_FAILED: unspecified launch failure', 'lost'],
  ['failed to synchronize GPU for memcpy: CUDA_ERROR_ILLEGAL_ADDRESS: an illegal memory access was encountered', 'lost'],
  ['Unable to determine the device handle for GPU0000:3B:00.0: GPU is lost.  Reboot the system to recover this GPU', 'lost'],
  ['NVRM: Xid (PCI:0000:3b:00): 79, pid=4711, name=node, GPU has fallen off the bus.', 'lost'],
  ['failed to query event: CUDA_ERROR_LAUNCH_TIMEOUT: the launch timed out and was terminated', 'lost'],
  ['failed to run cuBLAS routine: CUBLAS_STATUS_EXECUTION_FAILED', 'lost'],
  ['INTERNAL: device lost', 'lost'],
  ['CUDA_ERROR_DEVICE_UNAVAILABLE: CUDA-capable device(s) is/are busy or unavailable', 'busy'],
  ['RESOURCE_EXHAUSTED: Out of memory while trying to allocate 34359738368 bytes.', 'memory'],
  ['OOM when allocating tensor with shape[4096,4096] and type float on /job:localhost/replica:0/task:0/device:GPU:0', 'memory'],
  ['failed to allocate 2.00GiB from device: CUDA_ERROR_OUT_OF_MEMORY: out of memory', 'memory'],
  ['failed to create cublas handle: CUBLAS_STATUS_ALLOC_FAILED', 'memory'],
  ['INVALID_ARGUMENT: expected 3 arguments, got 2', undefined],
  ['Matrix size-incompatible: In[0]: [2,3], In[1]: [2,3]', undefined],
]; // prettier-ignore

it.each(texts)('tells what befell the device: %s', (text, kind) => {
  expect(deviceFailure(text)?.kind).toBe(kind);
});

it('ends a worker that lost its device so that the run can be taken up again', () => {
  expect(
    deviceError('XLA: Event_Await failed (INTERNAL): CUDA_ERROR_LAUNCH_FAILED', 'internal'),
  ).toEqual({
    code: 'transient',
    message:
      'the device was lost (a kernel failed): XLA: Event_Await failed (INTERNAL): CUDA_ERROR_LAUNCH_FAILED',
  });
});

it('does not ask to run again what does not fit', () => {
  expect(deviceError('OOM when allocating tensor', 'transient')).toEqual({
    code: 'usage',
    message: 'the device has too little memory: OOM when allocating tensor',
  });
});

it('leaves the rest as it is', () => {
  expect(deviceError('no', 'internal')).toEqual({ code: 'internal', message: 'no' });
});
