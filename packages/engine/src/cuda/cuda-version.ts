/** CUDA writes versions as 1000 x major + 10 x minor: 12080 -> `12.8`. */
export function dottedCudaVersion(version: number): string {
  return `${String(Math.floor(version / 1000))}.${String(Math.floor((version % 1000) / 10))}`;
}
