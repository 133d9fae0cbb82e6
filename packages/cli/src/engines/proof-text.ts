/** What is known of an engine's bits on this machine, in words. */
import { rememberedProof, type Proof } from '@microtune/engine/proof';
import type { Precision } from '@microtune/engine';
import type { EngineOnPlatform } from './engine-finding.js';

/** e.g. `same bits: f32 proved with 1 and 2 threads; bf16 not proved yet`. */
export function proofText(
  { name, platform, precisions }: EngineOnPlatform & { readonly precisions: readonly string[] },
  cacheFolder: string,
): string {
  // Cards are proved by name: the first run on one does it. tfjs itself computes in one thread.
  if (platform === 'cuda' || name === 'reference') return '';
  const each = precisions.map((precision) => {
    const subject = { engine: name, precision: precision as Precision, platform };
    return `${precision} ${knownText(rememberedProof(cacheFolder, subject))}`;
  });
  return `same bits: ${each.join('; ')}`;
}

function knownText(proof: Proof | undefined): string {
  if (proof === undefined) return 'not proved yet, train does it once';
  if (proof.state === 'refused') return `refused: ${proof.reason}`;
  const form = proof.given.length === 0 ? '' : `, multiplied as ${proof.products}`;
  const threads = proof.threads.join(' and ');
  return `proved with ${threads} ${threads === '1' ? 'thread' : 'threads'}${form}`;
}
