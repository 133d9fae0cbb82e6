/**
 * What the texts of CUDA, its libraries, XLA and TensorFlow mean for a run. CUDA errors of these kinds are sticky: every
 * later call in the process answers the same, so the worker must end; whether the card is well again shows in the next
 * process. Sources: CUDA Driver API reference (CUresult), NVIDIA's Xid list, cuBLAS and cuDNN status codes.
 */
import type { ErrorCode } from '@microtune/shared';

export type DeviceFailureKind =
  /** The device, or this process's hold on it, is gone: run again from the last checkpoint. */
  | 'lost'
  /** Another process holds it. */
  | 'busy'
  /** The work does not fit its memory: the same command would fail again. */
  | 'memory';

export interface DeviceFailure {
  readonly kind: DeviceFailureKind;
  /** In plain words. */
  readonly what: string;
}

interface Rule extends DeviceFailure {
  readonly text: RegExp;
}

const lost = (text: RegExp, what: string): Rule => ({ kind: 'lost', text, what });

/** The first that matches wins: memory first, because what follows an allocation that failed is its consequence. */
const rules: readonly Rule[] = [
  {
    kind: 'memory',
    text: /CUDA_ERROR_OUT_OF_MEMORY|RESOURCE_EXHAUSTED|out of memory|OOM when allocating|CU(?:BLAS|DNN)_STATUS_ALLOC_FAILED/i,
    what: 'its memory is full',
  },
  {
    kind: 'busy',
    text: /CUDA_ERROR_DEVICE_UNAVAILABLE|CUDA-capable device\(s\) is\/are busy|CUDA_ERROR_DEVICE_NOT_LICENSED/i,
    what: 'another process holds it alone, or the administrator closed it',
  },
  lost(/CUDA_ERROR_ECC_UNCORRECTABLE|uncorrectable ECC/i, 'a memory error that could not be corrected'),
  lost(/CUDA_ERROR_NVLINK_UNCORRECTABLE|uncorrectable NVLink/i, 'an error of NVLink'),
  lost(/fallen off the bus|GPU is lost|NVML_ERROR_GPU_IS_LOST|device (?:is )?lost/i, 'it left the bus'),
  lost(/NVRM: Xid|\bXid \(PCI/i, 'the driver reported an Xid error'),
  lost(/CUDA_ERROR_LAUNCH_TIMEOUT|kernel .*timed out/i, 'a kernel was stopped for taking too long'),
  lost(/CUDA_ERROR_(?:LAUNCH_FAILED|ILLEGAL_ADDRESS|ILLEGAL_INSTRUCTION|MISALIGNED_ADDRESS|INVALID_ADDRESS_SPACE|INVALID_PC|HARDWARE_STACK_ERROR|ASSERT|TENSOR_MEMORY_LEAK)|unspecified launch failure|illegal memory access/i, 'a kernel failed'),
  lost(/CUDA_ERROR_(?:CONTEXT_IS_DESTROYED|DEINITIALIZED|INVALID_CONTEXT|CONTAINED|EXTERNAL_DEVICE|SYSTEM_NOT_READY|MPS_\w+|UNKNOWN)/i, 'the driver gave up'),
  lost(/CU(?:BLAS|BLASLT|DNN|SOLVER|SPARSE)_STATUS_(?:EXECUTION_FAILED|INTERNAL_ERROR|MAPPING_ERROR)/i, 'a library of NVIDIA failed on it'),
]; // prettier-ignore

/** What a text of a device's library says of the device; undefined when it is about something else. */
export function deviceFailure(text: string): DeviceFailure | undefined {
  const rule = rules.find((each) => each.text.test(text));
  return rule && { kind: rule.kind, what: rule.what };
}

/**
 * Code and message of an error that an engine reports.
 * @param text what failed, with the library's own words
 * @param otherwise the code when it is not about the device
 */
export function deviceError(
  text: string,
  otherwise: ErrorCode,
): { readonly code: ErrorCode; readonly message: string } {
  const failure = deviceFailure(text);
  switch (failure?.kind) {
    case 'lost':
      return { code: 'transient', message: `the device was lost (${failure.what}): ${text}` };
    case 'busy':
      return { code: 'transient', message: `the device is busy (${failure.what}): ${text}` };
    case 'memory':
      return { code: 'usage', message: `the device has too little memory: ${text}` };
    case undefined:
      return { code: otherwise, message: text };
  }
}
