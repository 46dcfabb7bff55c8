import { describe, expect, it } from "vitest";
import { type Machine, numericsClass } from "../../../../services/engine/interface/numerics.ts";

const machine: Machine = { arch: "x64", v8: "11.3.244.8-node.33", cpuInfo: "", gpu: undefined };
const x64 = (flags: string): Machine => ({
  ...machine,
  cpuInfo: `processor\t: 0\nflags\t\t: fpu ${flags}\n\nflags\t\t: fpu\n`,
});
const arm64 = (features: string): Machine => ({
  ...machine,
  arch: "arm64",
  cpuInfo: `BogoMIPS\t: 48\nFeatures\t: fp ${features}\n`,
});

describe("the numerics class", () => {
  it("of wasm is the same on every machine", () => {
    for (const one of [machine, x64("avx2 fma"), arm64("asimd")]) expect(numericsClass("wasm", one)).toBe("wasm");
  });

  it.each([
    ["sse2", "x64-sse2"],
    ["sse2 avx", "x64-avx"],
    // Without fused multiply-add, ONNX Runtime takes its AVX kernels.
    ["avx avx2", "x64-avx"],
    ["avx avx2 fma", "x64-avx2"],
    ["avx avx2 fma avx512f avx512bw avx512_vnni amx_tile", "x64-avx512"],
  ])("of onnx:cpu on x64 with %s is that of its float kernels", (flags, expected) => {
    expect(numericsClass("onnx:cpu", x64(flags))).toBe(`onnx:cpu/${expected}`);
  });

  it.each([
    ["asimd asimddp", "arm64-neon"],
    ["asimd sve", "arm64-sve"],
    ["asimd sve sme", "arm64-sme"],
  ])("of onnx:cpu on arm64 with %s names the vector extension", (features, expected) => {
    expect(numericsClass("onnx:cpu", arm64(features))).toBe(`onnx:cpu/${expected}`);
  });

  it("is the architecture alone where the system does not list instruction sets", () => {
    expect(numericsClass("onnx:cpu", machine)).toBe("onnx:cpu/x64");
    expect(numericsClass("tensorflow", { ...machine, arch: "arm64" })).toBe("tensorflow/arm64");
  });

  it("of a GPU is its model, and unknown otherwise", () => {
    expect(numericsClass("onnx:webgpu", { ...machine, gpu: "nvidia-h200" })).toBe("onnx:webgpu/nvidia-h200");
    expect(numericsClass("onnx:cuda", machine)).toBe("onnx:cuda/unknown");
  });

  it("of the reference engine is the version of V8, whose Math functions it uses", () => {
    expect(numericsClass("reference", machine)).toBe("reference/v8-11");
  });

  it("of this machine is known", () => {
    expect(numericsClass("onnx:cpu")).toMatch(/^onnx:cpu\/(x64|arm64)(-\w+)?$/);
    expect(numericsClass("reference")).toBe(`reference/v8-${process.versions.v8.split(".")[0]}`);
  });
});
