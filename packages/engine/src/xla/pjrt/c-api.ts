/**
 * The part of the PJRT C API that we call: for each function its place in the table of function pointers and the
 * fields of its argument struct, in order. Source: pjrt_c_api.h 0.81. Since 0.57 the API only grows: functions are
 * appended to the table and fields to the structs, so these places hold in every later 0.x.
 *
 * Every argument struct starts with its own size and an extension pointer; a plugin reads no field beyond that size.
 */
import koffi from 'koffi';
import type { TypeSpec } from 'koffi';

/** An address that the library gave or that koffi made; never looked into. */
export interface Pointer {
  readonly brand: 'pjrt';
}

/** What koffi takes and gives for a C type; memory may be given where a pointer is wanted. */
interface CTypes {
  'void *': Pointer | ArrayBufferView | null;
  options: readonly object[] | null;
  record: object | null;
  size_t: number | bigint;
  int64_t: number | bigint;
  int: number;
  bool: boolean;
}
type CType = keyof CTypes;
type Fields = Readonly<Record<string, CType>>;

const buffer = { buffer: 'void *' } as const;
const executable = { executable: 'void *' } as const;
const event = { event: 'void *' } as const;

export const pjrtFunctions = {
  Error_Destroy: [0, { error: 'void *' }],
  Error_Message: [1, { error: 'void *', message: 'void *', messageSize: 'size_t' }],
  Error_GetCode: [2, { error: 'void *', code: 'int' }],
  Plugin_Initialize: [3, {}],
  Plugin_Attributes: [4, { attributes: 'void *', numAttributes: 'size_t' }],
  Event_Destroy: [5, event],
  Event_Await: [8, event],
  Client_Create: [
    10,
    {
      options: 'options', numOptions: 'size_t', kvGet: 'void *', kvGetArg: 'void *', kvPut: 'void *',
      kvPutArg: 'void *', client: 'void *', kvTryGet: 'void *', kvTryGetArg: 'void *',
    },
  ],
  Client_Destroy: [11, { client: 'void *' }],
  Client_PlatformName: [12, { client: 'void *', name: 'void *', nameSize: 'size_t' }],
  Client_PlatformVersion: [14, { client: 'void *', version: 'void *', versionSize: 'size_t' }],
  Client_AddressableDevices: [16, { client: 'void *', devices: 'void *', numDevices: 'size_t' }],
  Client_Compile: [
    20,
    { client: 'void *', program: 'record', options: 'void *', optionsSize: 'size_t', executable: 'void *' },
  ],
  Client_BufferFromHostBuffer: [
    22,
    {
      client: 'void *', data: 'void *', type: 'int', dims: 'void *', numDims: 'size_t', byteStrides: 'void *',
      numByteStrides: 'size_t', semantics: 'int', device: 'void *', memory: 'void *', layout: 'void *',
      doneWithHostBuffer: 'void *', buffer: 'void *',
    },
  ],
  DeviceDescription_Id: [23, { description: 'void *', id: 'int' }],
  DeviceDescription_Attributes: [25, { description: 'void *', numAttributes: 'size_t', attributes: 'void *' }],
  DeviceDescription_Kind: [26, { description: 'void *', kind: 'void *', kindSize: 'size_t' }],
  DeviceDescription_ToString: [28, { description: 'void *', text: 'void *', textSize: 'size_t' }],
  Device_GetDescription: [29, { device: 'void *', description: 'void *' }],
  Device_LocalHardwareId: [31, { device: 'void *', localHardwareId: 'int' }],
  Device_MemoryStats: [
    34,
    {
      device: 'void *', bytesInUse: 'int64_t', peakBytesInUse: 'int64_t', peakBytesInUseIsSet: 'bool',
      numAllocs: 'int64_t', numAllocsIsSet: 'bool', largestAllocSize: 'int64_t', largestAllocSizeIsSet: 'bool',
      bytesLimit: 'int64_t', bytesLimitIsSet: 'bool', bytesReserved: 'int64_t', bytesReservedIsSet: 'bool',
      peakBytesReserved: 'int64_t', peakBytesReservedIsSet: 'bool', bytesReservableLimit: 'int64_t',
      bytesReservableLimitIsSet: 'bool', largestFreeBlockBytes: 'int64_t', largestFreeBlockBytesIsSet: 'bool',
      poolBytes: 'int64_t', poolBytesIsSet: 'bool', peakPoolBytes: 'int64_t', peakPoolBytesIsSet: 'bool',
    },
  ],
  Executable_Destroy: [40, executable],
  Executable_NumOutputs: [44, { executable: 'void *', numOutputs: 'size_t' }],
  Executable_Serialize: [
    49,
    { executable: 'void *', bytes: 'void *', bytesSize: 'size_t', serialized: 'void *', deleter: 'void *' },
  ],
  LoadedExecutable_Destroy: [50, executable],
  LoadedExecutable_GetExecutable: [51, { loaded: 'void *', executable: 'void *' }],
  LoadedExecutable_Execute: [
    55,
    {
      executable: 'void *', options: 'record', argumentLists: 'void *', numDevices: 'size_t', numArguments: 'size_t',
      outputLists: 'void *', completeEvents: 'void *', executeDevice: 'void *',
    },
  ],
  Executable_DeserializeAndLoad: [
    56,
    {
      client: 'void *', bytes: 'void *', bytesSize: 'size_t', executable: 'void *', overriddenOptions: 'void *',
      overriddenOptionsSize: 'size_t',
    },
  ],
  Buffer_Destroy: [58, buffer],
  Buffer_IsDeleted: [68, { buffer: 'void *', isDeleted: 'bool' }],
  Buffer_ToHostBuffer: [
    70,
    { buffer: 'void *', hostLayout: 'void *', destination: 'void *', destinationSize: 'size_t', event: 'void *' },
  ],
  Buffer_ReadyEvent: [72, { buffer: 'void *', event: 'void *' }],
  Buffer_OpaqueDeviceMemoryDataPointer: [76, { buffer: 'void *', address: 'void *' }],
  Executable_GetCompiledMemoryStats: [
    96,
    {
      executable: 'void *', generatedCodeBytes: 'int64_t', argumentBytes: 'int64_t', outputBytes: 'int64_t',
      aliasBytes: 'int64_t', temporaryBytes: 'int64_t', hostGeneratedCodeBytes: 'int64_t',
      hostArgumentBytes: 'int64_t', hostOutputBytes: 'int64_t', hostAliasBytes: 'int64_t',
      hostTemporaryBytes: 'int64_t', peakMemoryBytes: 'int64_t',
    },
  ],
  Buffer_CopyRawToHost: [
    100,
    {
      buffer: 'void *', destination: 'void *', offset: 'int64_t', transferSize: 'int64_t', event: 'void *',
    },
  ],
} as const satisfies Readonly<Record<string, readonly [number, Fields]>>; // prettier-ignore

export type FunctionName = keyof typeof pjrtFunctions;
type FieldsOf<Name extends FunctionName> = (typeof pjrtFunctions)[Name][1];
/** The arguments of a function, in and out together. */
export type Arguments<Name extends FunctionName> = {
  -readonly [Field in keyof FieldsOf<Name>]: FieldsOf<Name>[Field] extends CType
    ? CTypes[FieldsOf<Name>[Field]]
    : never;
};

const header = { structSize: 'size_t', extensionStart: 'void *' } as const;
const valueUnion = koffi.union({
  text: 'const char *',
  integer: 'int64_t',
  integers: 'const int64_t *',
  float: 'float',
  flag: 'bool',
});
/** PJRT_NamedValue: an option of a client or an attribute of a plugin or device. */
export const namedValueStruct = koffi.struct({
  ...header,
  name: 'const char *',
  nameSize: 'size_t',
  type: 'int',
  value: valueUnion,
  valueSize: 'size_t',
});
const programStruct = koffi.struct({
  ...header,
  code: 'void *',
  codeSize: 'size_t',
  format: 'void *',
  formatSize: 'size_t',
});
const executeOptionsStruct = koffi.struct({
  ...header,
  sendCallbacks: 'void *',
  receiveCallbacks: 'void *',
  numSend: 'size_t',
  numReceive: 'size_t',
  launchId: 'int',
  nonDonatable: 'void *',
  numNonDonatable: 'size_t',
  context: 'void *',
  callLocation: 'void *',
  numTasks: 'size_t',
  taskIds: 'void *',
  incarnationIds: 'void *',
});
const records: Partial<Record<FunctionName, TypeSpec>> = {
  Client_Compile: programStruct,
  LoadedExecutable_Execute: executeOptionsStruct,
};

/** A struct of ours that another one points to, its header filled in. */
export function record(kind: 'namedValue' | 'program' | 'executeOptions', values: object): object {
  const struct = {
    namedValue: namedValueStruct,
    program: programStruct,
    executeOptions: executeOptionsStruct,
  }[kind];
  return { structSize: koffi.sizeof(struct), extensionStart: null, ...values };
}

export interface Layout {
  /** The argument struct, for koffi. */
  readonly struct: TypeSpec;
  /** A struct with its size set and all else zero. */
  readonly blank: Readonly<Record<string, unknown>>;
}

const zeros: Readonly<Record<CType, unknown>> = {
  'void *': null, options: null, record: null, size_t: 0, int64_t: 0, int: 0, bool: false,
}; // prettier-ignore

/** The argument struct of a function. */
export function layoutOf(name: FunctionName): Layout {
  const fields: Fields = pjrtFunctions[name][1];
  const types = Object.entries(fields).map(([field, type]) => [field, specOf(name, type)] as const);
  const struct = koffi.struct({ ...header, ...Object.fromEntries(types) });
  const blank = Object.fromEntries(
    Object.entries(fields).map(([field, type]) => [field, zeros[type]]),
  );
  return { struct, blank: { structSize: koffi.sizeof(struct), extensionStart: null, ...blank } };
}

function specOf(name: FunctionName, type: CType): TypeSpec {
  if (type === 'options') return koffi.pointer(namedValueStruct);
  if (type === 'record') return koffi.pointer(records[name] ?? 'void');
  return type;
}
