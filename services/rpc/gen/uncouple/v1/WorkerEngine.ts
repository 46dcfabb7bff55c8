// Original file: proto/uncouple/v1/worker.proto


export interface WorkerEngine {
  /**
   * As in manifests: wasm, onnx:cpu, onnx:cuda, onnx:webgpu.
   */
  'engine'?: (string);
  /**
   * Numerics class.
   */
  'numerics'?: (string);
}

export interface WorkerEngine__Output {
  /**
   * As in manifests: wasm, onnx:cpu, onnx:cuda, onnx:webgpu.
   */
  'engine': (string);
  /**
   * Numerics class.
   */
  'numerics': (string);
}
