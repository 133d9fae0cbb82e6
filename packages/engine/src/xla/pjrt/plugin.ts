/**
 * A PJRT plugin: one shared library, one table of functions. Every call fills in the argument struct, and reads and
 * frees the error object when one comes back; what takes long goes to koffi's own thread, so JavaScript stays free.
 * A plugin is loaded once per process and never unloaded: its threads and static state outlive any client.
 */
import { MicrotuneError, assert, messageOf } from '@microtune/shared';
import koffi from 'koffi';
import type { KoffiFunc } from 'koffi';
import { loadLibrary } from '@microtune/shared/native';
import { layoutOf, pjrtFunctions } from './c-api.js';
import type { Arguments, FunctionName, Pointer } from './c-api.js';
import { decodeNamedValues } from './named-values.js';
import type { NamedValues } from './named-values.js';
import { PjrtError, statusName } from './pjrt-error.js';

/** The major version whose structs c-api.ts describes, and the first minor one whose table is in today's order. */
const apiMajor = 0;
const apiFirstMinor = 57;
const majorOffset = 32;
const minorOffset = 36;
const tableOffset = 40;
const pointerBytes = 8;

/** Undefined from the two functions that report nothing, null for success. */
type Outcome = Pointer | null | undefined;
type Call = KoffiFunc<(args: object) => Outcome>;
interface Bound {
  readonly call: Call;
  readonly blank: Readonly<Record<string, unknown>>;
}

export class PjrtPlugin {
  readonly file: string;
  /** e.g. `0.81`. */
  readonly apiVersion: string;
  readonly #api: Pointer;
  readonly #tableBytes: number;
  readonly #bound = new Map<FunctionName, Bound>();

  /**
   * Loads and initialises a plugin.
   * @param file full path of the shared library
   * @throws MicrotuneError `usage` when it does not load, is no PJRT plugin, or speaks another version of PJRT
   */
  constructor(file: string) {
    this.file = file;
    this.#api = loadApi(file);
    const major = koffi.decode(this.#api, majorOffset, 'int') as number;
    const minor = koffi.decode(this.#api, minorOffset, 'int') as number;
    this.apiVersion = `${String(major)}.${String(minor)}`;
    requireVersion(file, major, minor);
    this.#tableBytes = Number(koffi.decode(this.#api, 0, 'size_t'));
    this.call('Plugin_Initialize', {});
  }

  /** What the plugin says of itself, e.g. `xla_version`. */
  attributes(): NamedValues {
    const { attributes, numAttributes } = this.call('Plugin_Attributes', {});
    return decodeNamedValues(attributes as Pointer | null, Number(numAttributes));
  }

  /** Calls a function and gives its arguments back with the results in them. @throws PjrtError */
  call<Name extends FunctionName>(name: Name, given: Partial<Arguments<Name>>): Arguments<Name> {
    const { call, blank } = this.#function(name);
    const args = { ...blank, ...given };
    this.#check(name, call(args));
    return args as unknown as Arguments<Name>;
  }

  /** The same on another thread. Memory given must stay until it settles. @throws PjrtError */
  async callAside<Name extends FunctionName>(
    name: Name,
    given: Partial<Arguments<Name>>,
  ): Promise<Arguments<Name>> {
    const { call, blank } = this.#function(name);
    const args = { ...blank, ...given };
    const error = await new Promise<Outcome>((resolve, reject) => {
      call.async(args, (failure: Error | null, result: Outcome) => {
        if (failure === null) resolve(result);
        else reject(failure);
      });
    });
    this.#check(name, error);
    return args as unknown as Arguments<Name>;
  }

  /** Waits for an event and frees it. @throws PjrtError what the event carries */
  async settle(event: Pointer): Promise<void> {
    try {
      await this.callAside('Event_Await', { event });
    } finally {
      this.call('Event_Destroy', { event });
    }
  }

  /** Text of the library, of which no terminating zero is promised. */
  text(bytes: unknown, size: number | bigint): string {
    return bytes === null || Number(size) === 0
      ? ''
      : (koffi.decode(bytes, koffi.array('char', Number(size), 'String')) as string);
  }

  #function(name: FunctionName): Bound {
    let bound = this.#bound.get(name);
    if (bound === undefined) {
      const { struct, blank } = layoutOf(name);
      bound = { call: this.#lookUp(name, koffi.inout(koffi.pointer(struct))), blank };
      this.#bound.set(name, bound);
    }
    return bound;
  }

  #lookUp(name: FunctionName, argument: ReturnType<typeof koffi.inout>): Call {
    const offset = tableOffset + pointerBytes * pjrtFunctions[name][0];
    const pointer: unknown =
      offset + pointerBytes > this.#tableBytes ? null : koffi.decode(this.#api, offset, 'void *');
    if (pointer === null) {
      throw new MicrotuneError(
        'usage',
        `${this.file} (PJRT ${this.apiVersion}) lacks PJRT_${name}`,
      );
    }
    const result = name === 'Error_Destroy' || name === 'Error_Message' ? 'void' : 'void *';
    return koffi.decode(pointer, koffi.proto(result, [argument])) as Call;
  }

  #check(name: FunctionName, error: Outcome): void {
    if (error === null || error === undefined) return;
    // An error about an error has nowhere to go.
    assert(!name.startsWith('Error_'), `PJRT_${name} failed`);
    const { message, messageSize } = this.call('Error_Message', { error });
    const detail = this.text(message, messageSize).trim();
    const { code } = this.call('Error_GetCode', { error });
    this.call('Error_Destroy', { error });
    throw new PjrtError(name, statusName(code), detail);
  }
}

function loadApi(file: string): Pointer {
  try {
    const getApi = loadLibrary(file).func('GetPjrtApi', 'void *', []) as () => Pointer | null;
    const api = getApi();
    if (api !== null) return api;
  } catch (error) {
    throw new MicrotuneError('usage', `cannot load ${file}: ${messageOf(error)}`, { cause: error });
  }
  throw new MicrotuneError('usage', `${file} gives no PJRT API`);
}

function requireVersion(file: string, major: number, minor: number): void {
  if (major === apiMajor && minor >= apiFirstMinor) return;
  const ours = `${String(apiMajor)}.x from ${String(apiMajor)}.${String(apiFirstMinor)} on`;
  throw new MicrotuneError(
    'usage',
    `${file} speaks PJRT ${String(major)}.${String(minor)}; this release of Microtune speaks ${ours}: ` +
      'use the plugin that `microtune setup xla` fetches',
  );
}
