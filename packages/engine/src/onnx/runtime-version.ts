/** Of onnxruntime: @microtune/onnxruntime, and onnxruntime-node where the user installs that. */
export const onnxRuntimeVersion = '1.30.0';
