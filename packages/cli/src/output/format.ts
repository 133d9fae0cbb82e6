/** Numbers as people read them. */

/** `4.5e-5`, `0.6931`, `1234`: about four significant digits. */
export function shortNumber(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  if (Number.isInteger(value) && Math.abs(value) < 1e9) return String(value);
  const size = Math.abs(value);
  if (size < 1e-3 || size >= 1e6) return value.toExponential(2).replace('e+', 'e');
  return value
    .toPrecision(4)
    .replace(/(\.\d*?)0+$/, '$1')
    .replace(/\.$/, '');
}

/** `12,345`. */
export function grouped(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

/** `12.5 %` of 0.125; `< 0.1 %` of something that is not nothing. */
export function percent(share: number): string {
  return share > 0 && share < 0.001
    ? '< 0.1 %'
    : `${shortNumber(Number((share * 100).toFixed(1)))} %`;
}

/** `7 s`, `3 min 05 s`, `2 h 10 min`. */
export function duration(seconds: number): string {
  if (!Number.isFinite(seconds) || seconds < 0) return '?';
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes} min ${pad(whole % 60)} s`;
  return `${Math.floor(minutes / 60)} h ${pad(minutes % 60)} min`;
}

/** `1.5 GiB`. */
export function byteSize(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  const exponent = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10));
  return `${shortNumber(Number((bytes / 1024 ** exponent).toPrecision(3)))} ${units[exponent]}`;
}

/** `2026.4.1` of `2026.4.1-22982-e213a147257-releases/2026/4`: build names are for logs. */
export function shortVersion(version: string): string {
  return version.split('-')[0] ?? version;
}

/** `1 thread`, `2 threads`. */
export function counted(count: number, what: string): string {
  return `${grouped(count)} ${what}${count === 1 ? '' : 's'}`;
}

function pad(value: number): string {
  return String(value).padStart(2, '0');
}

/** e.g. `openvino 2026.0 f32`. */
export function engineText(engine: {
  readonly name: string;
  readonly version: string;
  readonly precision: string;
}): string {
  return `${engine.name} ${shortVersion(engine.version)} ${engine.precision}`;
}
