/** A compiled program on one device. */
import koffi from 'koffi';
import { PjrtBuffer } from './buffer.js';
import { record } from './c-api.js';
import type { Pointer } from './c-api.js';
import type { PjrtPlugin } from './plugin.js';

/** Bytes on the device while a program runs, as the compiler planned them. */
export interface CompiledMemory {
  readonly argumentBytes: number;
  readonly outputBytes: number;
  /** Of the outputs, what lies in donated arguments. */
  readonly aliasBytes: number;
  readonly temporaryBytes: number;
}

export interface Launch {
  /** One a result, in order. Not yet computed: reading or `ready` waits. */
  readonly outputs: readonly PjrtBuffer[];
  /** Settles when the program is done. */
  readonly complete: Pointer;
}

export class PjrtExecutable {
  readonly numOutputs: number;
  readonly #plugin: PjrtPlugin;
  readonly #loaded: Pointer;
  readonly #executable: Pointer;
  /** Kept between launches: the lists that an execution reads and writes. */
  readonly #outputList: Pointer;
  readonly #outputLists: Pointer;
  readonly #completeEvents: Pointer;

  constructor(plugin: PjrtPlugin, loaded: Pointer) {
    this.#plugin = plugin;
    this.#loaded = loaded;
    const { executable } = plugin.call('LoadedExecutable_GetExecutable', { loaded });
    this.#executable = executable as Pointer;
    this.numOutputs = Number(
      plugin.call('Executable_NumOutputs', { executable: this.#executable }).numOutputs,
    );
    this.#outputList = pointerList(
      new Array<Pointer | null>(Math.max(1, this.numOutputs)).fill(null),
    );
    this.#outputLists = pointerList([this.#outputList]);
    this.#completeEvents = pointerList([null]);
  }

  /**
   * Starts the program. Arguments are those of its main function, in order; one that it takes over (donation) is
   * deleted on the device, but its object still has to be destroyed.
   * @throws PjrtError at once when the arguments do not fit; later failures come through the events
   */
  launch(args: readonly PjrtBuffer[]): Launch {
    const list = pointerList(args.map(({ handle }) => handle));
    const lists = pointerList([list]);
    try {
      this.#plugin.call('LoadedExecutable_Execute', {
        executable: this.#loaded,
        options: record('executeOptions', executeOptions),
        argumentLists: lists,
        numDevices: 1,
        numArguments: args.length,
        outputLists: this.#outputLists,
        completeEvents: this.#completeEvents,
      });
    } finally {
      koffi.free(list);
      koffi.free(lists);
    }
    return {
      outputs: Array.from(
        { length: this.numOutputs },
        (_, i) =>
          new PjrtBuffer(this.#plugin, koffi.decode(this.#outputList, 8 * i, 'void *') as Pointer),
      ),
      complete: koffi.decode(this.#completeEvents, 0, 'void *') as Pointer,
    };
  }

  memory(): CompiledMemory {
    const stats = this.#plugin.call('Executable_GetCompiledMemoryStats', {
      executable: this.#executable,
    });
    return {
      argumentBytes: Number(stats.argumentBytes),
      outputBytes: Number(stats.outputBytes),
      aliasBytes: Number(stats.aliasBytes),
      temporaryBytes: Number(stats.temporaryBytes),
    };
  }

  /** The compiled program as bytes for `PjrtClient.deserialize`. @throws PjrtError where the plugin cannot */
  serialize(): Uint8Array {
    const { bytes, bytesSize, serialized, deleter } = this.#plugin.call('Executable_Serialize', {
      executable: this.#executable,
    });
    const copy = new Uint8Array(koffi.view(bytes, Number(bytesSize))).slice();
    const free = koffi.decode(deleter, koffi.proto('void', ['void *'])) as (
      object: unknown,
    ) => void;
    free(serialized);
    return copy;
  }

  destroy(): void {
    this.#plugin.call('Executable_Destroy', { executable: this.#executable });
    this.#plugin.call('LoadedExecutable_Destroy', { executable: this.#loaded });
    for (const list of [this.#outputList, this.#outputLists, this.#completeEvents])
      koffi.free(list);
  }
}

const executeOptions = {
  sendCallbacks: null, receiveCallbacks: null, numSend: 0, numReceive: 0, launchId: 0, nonDonatable: null,
  numNonDonatable: 0, context: null, callLocation: null, numTasks: 0, taskIds: null, incarnationIds: null,
} as const; // prettier-ignore

/** Native memory with these addresses in a row; koffi.free it. */
function pointerList(pointers: readonly (Pointer | null)[]): Pointer {
  const list = koffi.alloc('void *', Math.max(1, pointers.length)) as Pointer;
  pointers.forEach((pointer, i) => {
    koffi.encode(list, 8 * i, 'void *', pointer);
  });
  return list;
}
