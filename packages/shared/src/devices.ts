/**
 * Names of devices as `--devices` takes them, and which worker has which. `cpu` is the machine's processor, shared by
 * all workers; `cuda:N` is one card, N counting in PCI order the cards that CUDA_VISIBLE_DEVICES leaves; `cuda` is all
 * of them.
 */
import { z } from 'zod';

const card = /^cuda:(0|[1-9]\d*)$/;

/** `cpu`, `cuda`, or a list of different cards. */
export const deviceListSchema = z
  .union([z.string(), z.array(z.string())])
  .transform((value) => (typeof value === 'string' ? value.split(',') : value))
  .transform((names) => names.map((name) => name.trim()))
  .superRefine((names, context) => {
    const message = deviceListProblem(names);
    if (message !== undefined) context.addIssue({ code: 'custom', message });
  });

function deviceListProblem(names: readonly string[]): string | undefined {
  const odd = names.find((name) => name !== 'cpu' && name !== 'cuda' && !card.test(name));
  if (odd !== undefined || names.length === 0)
    return 'expected cpu, cuda, or cards such as cuda:0,cuda:1';
  const twice = names.find((name, at) => names.indexOf(name) !== at);
  if (twice !== undefined)
    return `${twice} is named twice; to put several workers on one card use --workers and --oversubscribe`;
  const whole = names.find((name) => !card.test(name));
  if (whole !== undefined && names.length > 1) return `${whole} stands alone`;
  return undefined;
}

/** N of `cuda:N`; undefined for `cpu`. */
export function cardNumber(device: string): number | undefined {
  const digits = card.exec(device)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

export interface WorkerDevice {
  /** `cpu` or `cuda:N`. */
  readonly name: string;
  /** Workers on this device. */
  readonly workers: number;
}

/** The device of a rank: devices are dealt out in turn. */
export function deviceOfRank(
  { devices, workers }: { readonly devices: readonly string[]; readonly workers: number },
  rank: number,
): WorkerDevice {
  const at = rank % devices.length;
  return {
    name: devices[at] ?? 'cpu',
    workers: Math.floor((workers - 1 - at) / devices.length) + 1,
  };
}
