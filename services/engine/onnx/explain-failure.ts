const MEANINGS: readonly (readonly [RegExp, string])[] = [
  [/RequestAdapter/, "no GPU adapter was found (WebGPU needs a driver for Vulkan, Metal or Direct3D 12)"],
  [
    /Failed to load shared library/,
    "its libraries do not load (NVIDIA's driver, CUDA and cuDNN must be installed, and ONNX Runtime's own CUDA libraries, " +
      "which come with `npm rebuild onnxruntime-node --ignore-scripts=false`)",
  ],
];
/** What CUDA says stands between the names of ONNX Runtime's functions and files. */
const CUDA = /CUDA failure \d+: [^;]*?(?=\s*;)/;
const LONGEST = 240;

/** @returns in one line, why an execution provider of ONNX Runtime does not start, given its message */
export function explainFailure(text: string): string {
  for (const [pattern, meaning] of MEANINGS) if (pattern.test(text)) return meaning;
  const line = (CUDA.exec(text)?.[0] ?? text).replace(/\s+/g, " ").trim();
  return line.length > LONGEST ? `${line.slice(0, LONGEST)}...` : line;
}
