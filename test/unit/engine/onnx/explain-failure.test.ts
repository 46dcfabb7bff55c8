import { describe, expect, test } from "vitest";
import { explainFailure } from "../../../../services/engine/onnx/explain-failure.ts";

describe("why an execution provider does not start", () => {
  test("what CUDA says is taken out of ONNX Runtime's message", () => {
    // As onnxruntime-node 1.30.0 said it with the driver 535 and the provider for CUDA 13.
    const text =
      "/onnxruntime_src/onnxruntime/core/providers/cuda/cuda_call.cc:154 std::conditional_t<THRW, void, onnxruntime::common::Status> " +
      "onnxruntime::CudaCall(ERRTYPE, const char*, const char*, SUCCTYPE, const char*, const char*, int) [with ERRTYPE = cudaError; " +
      "bool THRW = true] CUDA failure 35: CUDA driver version is insufficient for CUDA runtime version ; GPU=-1 ; hostname=vm ; expr=x";
    expect(explainFailure(text)).toBe("CUDA failure 35: CUDA driver version is insufficient for CUDA runtime version");
  });

  test("missing libraries are named", () => {
    const text = "OrtSessionOptionsAppendExecutionProvider_Cuda: Failed to load shared library";
    expect(explainFailure(text)).toMatch(/^its libraries do not load \(NVIDIA's driver, CUDA and cuDNN/);
  });

  test("anything else is one line of bounded length", () => {
    expect(explainFailure("first\n  second")).toBe("first second");
    expect(explainFailure("x".repeat(1000))).toBe(`${"x".repeat(240)}...`);
  });
});
