import { readdirSync, readFileSync } from "node:fs";
import { arch } from "node:os";
import { versions } from "node:process";

/** What a numerics class depends on besides the engine. */
export interface Machine {
  /** As Node names it: `x64`, `arm64`. */
  readonly arch: string;
  readonly v8: string;
  /** Text of /proc/cpuinfo; empty where there is none. */
  readonly cpuInfo: string;
  /** Model of the first NVIDIA GPU, if its driver is loaded. */
  readonly gpu: string | undefined;
}

let here: Machine | undefined;

/**
 * The numerics class of an engine: two runs of one class give the same bits. `wasm` is the same everywhere. ONNX Runtime
 * and TensorFlow choose their kernels by instruction set, so that their classes name it; GPUs are named by model. tfjs's
 * `cpu` backend uses `Math.exp` and others, which differ between versions of V8.
 *
 * @param engine as `RunningEngine.name`
 */
export function numericsClass(engine: string, machine: Machine = thisMachine()): string {
  switch (engine) {
    case "wasm":
      return "wasm";
    case "reference":
      return `reference/v8-${machine.v8.split(".")[0]}`;
    case "onnx:webgpu":
    case "onnx:cuda":
      return `${engine}/${machine.gpu ?? "unknown"}`;
    default:
      return `${engine}/${instructionSet(machine)}`;
  }
}

/**
 * The instruction sets for which MLAS, ONNX Runtime's kernel library, has float32 kernels of different arithmetic
 * (onnxruntime/core/mlas/lib/platform.cpp): SSE2, AVX, AVX2 with FMA, and AVX-512F; NEON, SVE and SME. The others that it
 * looks for (VNNI, AMX, dot products) only serve integers. Without /proc/cpuinfo, the architecture alone.
 */
function instructionSet({ arch, cpuInfo }: Machine): string {
  const flags = new Set(/^(?:flags|Features)\s*:(.*)$/m.exec(cpuInfo)?.[1]?.trim().split(/\s+/));
  if (flags.size === 0) return arch;
  if (arch === "arm64") return `arm64-${flags.has("sme") ? "sme" : flags.has("sve") ? "sve" : "neon"}`;
  if (arch !== "x64") return arch;
  const avx2 = flags.has("avx2") && flags.has("fma");
  if (avx2 && flags.has("avx512f")) return "x64-avx512";
  return `x64-${avx2 ? "avx2" : flags.has("avx") ? "avx" : "sse2"}`;
}

function thisMachine(): Machine {
  here ??= { arch: arch(), v8: versions.v8, cpuInfo: read("/proc/cpuinfo"), gpu: gpuModel() };
  return here;
}

function gpuModel(): string | undefined {
  const folder = "/proc/driver/nvidia/gpus";
  try {
    const [first] = readdirSync(folder).sort();
    const model =
      first === undefined ? undefined : /^Model:\s*(.+)$/m.exec(read(`${folder}/${first}/information`))?.[1];
    return model
      ?.trim()
      .toLowerCase()
      .replaceAll(/[^a-z0-9]+/g, "-");
  } catch {
    return undefined;
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
