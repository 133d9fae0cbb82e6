/**
 * Factor that brings a gradient of norm `norm` to at most `maxNorm`, as torch.nn.utils.clip_grad_norm_:
 * maxNorm / (norm + 1e-6), never above 1. `maxNorm` 0 disables.
 */
export function clipCoefficient(norm: number, maxNorm: number): number {
  return maxNorm === 0 ? 1 : Math.min(1, maxNorm / (norm + 1e-6));
}
