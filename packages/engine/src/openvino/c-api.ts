/**
 * The functions of the OpenVINO C API that we call, declared to koffi, each with its TypeScript signature.
 * Signatures are those of openvino/c/*.h, release 2026.4. No checks and no lifetimes here: see bindings.ts.
 */
import koffi from 'koffi';
import type { KoffiFunc, TypeSpec } from 'koffi';
import { loadLibrary } from '@microtune/shared/native';

/** An object of the library, freed by the function of its kind. */
export interface Handle {
  readonly brand: 'openvino';
}

/** Where a call leaves its result. */
export type Out<T> = [T | null];

export interface CShape {
  rank: number;
  dims: BigInt64Array;
}

export interface CProperty {
  key: string;
  value: string;
}

export interface CVersion {
  buildNumber: string;
  description: string;
}

export type CApi = ReturnType<typeof declareCApi>;

/** Loads a library and looks every function up. Throws what koffi throws when one is missing. */
export function declareCApi(file: string) {
  const library = loadLibrary(file);
  const shape = koffi.struct({ rank: 'int64_t', dims: 'int64_t *' });
  const property = koffi.struct({ key: 'const char *', value: 'const char *' });
  const version = koffi.struct({ buildNumber: 'const char *', description: 'const char *' });
  const out = koffi.out(koffi.pointer('void *'));
  const func = <Signature extends (...args: never[]) => unknown>(
    name: string,
    result: 'int' | 'void' | 'const char *',
    types: TypeSpec[],
  ): KoffiFunc<Signature> => library.func(name, result, types) as KoffiFunc<Signature>;
  const port = (name: string) =>
    func<(compiled: Handle, name: string, port: Out<Handle>) => number>(name, 'int', [
      'void *',
      'const char *',
      out,
    ]);
  const free = (name: string) => func<(object: Handle) => void>(name, 'void', ['void *']);

  return {
    lastError: func<() => string | null>('ov_get_last_err_msg', 'const char *', []),
    version: func<(version: CVersion | object) => number>('ov_get_openvino_version', 'int', [
      koffi.out(koffi.pointer(version)),
    ]),
    coreCreate: func<(core: Out<Handle>) => number>('ov_core_create', 'int', [out]),
    coreProperty: func<(core: Handle, device: string, key: string, value: Out<Handle>) => number>(
      'ov_core_get_property',
      'int',
      ['void *', 'const char *', 'const char *', out],
    ),
    readModel: func<
      (...values: [Handle, bytes: Uint8Array, count: number, weights: null, Out<Handle>]) => number
    >('ov_core_read_model_from_memory_buffer', 'int', [
      'void *',
      'const uint8_t *',
      'size_t',
      'void *',
      out,
    ]),
    compileModel: func<
      (
        ...values: [Handle, Handle, device: string, count: number, CProperty[], Out<Handle>]
      ) => number
    >('ov_core_compile_model_props', 'int', [
      'void *',
      'void *',
      'const char *',
      'size_t',
      koffi.pointer(property),
      out,
    ]),
    requestCreate: func<(compiled: Handle, request: Out<Handle>) => number>(
      'ov_compiled_model_create_infer_request',
      'int',
      ['void *', out],
    ),
    inputPort: port('ov_compiled_model_input_by_name'),
    outputPort: port('ov_compiled_model_output_by_name'),
    portElementType: func<(port: Handle, type: Out<number>) => number>(
      'ov_port_get_element_type',
      'int',
      ['void *', koffi.out(koffi.pointer('int'))],
    ),
    tensorCreate: func<(type: number, shape: CShape, tensor: Out<Handle>) => number>(
      'ov_tensor_create',
      'int',
      ['int', shape, out],
    ),
    tensorFromHost: func<
      (type: number, shape: CShape, memory: ArrayBufferView, tensor: Out<Handle>) => number
    >('ov_tensor_create_from_host_ptr', 'int', ['int', shape, 'void *', out]),
    tensorBytes: func<(tensor: Handle, bytes: Out<number>) => number>(
      'ov_tensor_get_byte_size',
      'int',
      ['void *', koffi.out(koffi.pointer('size_t'))],
    ),
    setInput: func<(request: Handle, name: string, tensor: Handle) => number>(
      'ov_infer_request_set_tensor',
      'int',
      ['void *', 'const char *', 'void *'],
    ),
    setOutput: func<(request: Handle, index: number, tensor: Handle) => number>(
      'ov_infer_request_set_output_tensor_by_index',
      'int',
      ['void *', 'size_t', 'void *'],
    ),
    infer: func<(request: Handle) => number>('ov_infer_request_infer', 'int', ['void *']),
    freeText: free('ov_free'),
    freeCore: free('ov_core_free'),
    freeModel: free('ov_model_free'),
    freeCompiled: free('ov_compiled_model_free'),
    freePort: free('ov_output_const_port_free'),
    freeRequest: free('ov_infer_request_free'),
    freeTensor: free('ov_tensor_free'),
  };
}
