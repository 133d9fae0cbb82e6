export { proveEngine } from './prove-engine.js';
export type { Proof } from './prove-engine.js';
export { formsOfProducts, rememberProof, rememberedProof, threadsToProve } from './proof-file.js';
export type { ProofSubject } from './proof-file.js';
export type { ProductPrecision } from '../tensorflow/matmul-lowering.js';
export type { Measured } from './measure-engine.js';
