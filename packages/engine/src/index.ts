export { trace } from './tracer/trace.js';
export type { TraceContext } from './tracer/trace.js';
export { registerGradients } from './gradients/register-gradients.js';

export { attentionBias } from './ops/attention-bias.js';
export type { AttendingTokens, AttentionBiasOptions } from './ops/attention-bias.js';
export { attention } from './ops/attention.js';
export type { AttentionOptions } from './ops/attention.js';
export { chunkedCrossEntropy } from './ops/chunked-cross-entropy.js';
export type {
  ChunkedCrossEntropy,
  ChunkedCrossEntropyOptions,
} from './ops/chunked-cross-entropy.js';
export { cachedAttention } from './ops/cached-attention.js';
export type { CachedAttentionOptions, KeysAndValues } from './ops/cached-attention.js';
export { dropout } from './ops/dropout.js';
export { embedding } from './ops/embedding.js';
export { gelu } from './ops/gelu.js';
export { layerNorm } from './ops/layer-norm.js';
export { rmsNorm } from './ops/rms-norm.js';
export { rotary } from './ops/rotary.js';
export { scaleGradient } from './ops/scale-gradient.js';
export { siluGate } from './ops/silu-gate.js';
export { softmaxCrossEntropy } from './ops/softmax-cross-entropy.js';
export type { CrossEntropyOptions } from './ops/softmax-cross-entropy.js';

export { hashGraph } from './graph/hash-graph.js';
export { opHistogram, printGraph } from './graph/print-graph.js';
export { verifyGraph } from './graph/verify-graph.js';
export type { Graph, GraphNode, NamedValue, Value } from './graph/graph.js';
export type { GeluApproximation, OpName } from './graph/ops.js';
export type { DType, HostBuffer, HostRows, Shape, TensorSpec } from './graph-types.js';

export { defaultPasses, optimize } from './optimize.js';
export type { Pass } from './passes/pass.js';
export { rowsOnHost } from './passes/rows-on-host.js';

export { compile } from './compile.js';
export type { Compiled, CompileFunctionOptions } from './compile.js';
export { isEngine, loadEngine, tryEngine } from './load-engine.js';
export type { LoadEngineOptions } from './load-engine.js';
export { loadOnnx } from './onnx/onnx-engine.js';
export type { OnnxDialect } from './onnx/onnx-writer.js';
export { toOnnx } from './onnx/to-onnx.js';
export { loadOpenvino } from './openvino/engine.js';
export { loadReference } from './reference/reference-engine.js';
export type {
  ByteCompiler,
  CompileOptions,
  Engine,
  EngineName,
  EngineUnavailable,
  Executable,
  LoweredGraph,
  Precision,
} from './engine.js';

export { howToNeedLess } from './resident/how-to-need-less.js';
export { packGradient } from './resident/pack-gradient.js';
export type { PackOptions, Place } from './resident/pack-gradient.js';
export { nextValue } from './resident/resident.js';
export type {
  ApplyProgram,
  DeviceGradient,
  DeviceState,
  GradientProgram,
  HostBuffers,
  ResidentEngine,
  StateTensor,
} from './resident/resident.js';
export { adamwNames, adamwScalars, traceAdamW } from './resident/traced-adamw.js';
export type { TracedAdamWOptions, TracedParameter } from './resident/traced-adamw.js';

export { measureEngine } from './proof/measure-engine.js';
export type { Measured } from './proof/measure-engine.js';

export { openvinoStatus } from './setup/openvino-manifest.js';
export type { OpenvinoStatus } from './setup/openvino-manifest.js';
export { runProcess } from './setup/process-runner.js';
export type { ProcessRunner } from './setup/process-runner.js';
export { setupOpenvino } from './setup/setup-openvino.js';
export type { OpenvinoInstallation, SetupOptions } from './setup/setup-openvino.js';
export { setupTensorflow } from './setup/tensorflow.js';
export type { SetupTensorflowOptions, TensorflowInstallation } from './setup/tensorflow.js';
export { tensorflowStatus } from './setup/tensorflow-manifest.js';
export type { TensorflowStatus } from './setup/tensorflow-manifest.js';
export { setupXla } from './setup/xla.js';
export type { SetupXlaOptions, XlaInstallation } from './setup/xla.js';
export { xlaStatus } from './setup/xla-manifest.js';
export type { XlaStatus } from './setup/xla-manifest.js';
export type { NativeEnvironment } from './xla/native-environment.js';
export type { XlaPlatform } from './xla/platform.js';

export { findGpus } from './cuda/find-gpus.js';
export type { Gpu, GpuFindings } from './cuda/find-gpus.js';
