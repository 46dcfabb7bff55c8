import { InferenceSession, type Tensor } from "onnxruntime-node";
import type { ExecutionProvider } from "../../pipeline/team.ts";
import { GraphBuilder, newValue } from "../compiler/graph/ir.ts";
import { emitOnnx } from "../compiler/onnx/emit-onnx.ts";

/** Providers whose tensors can stay in device memory between calls; the others copy them in every call. */
export function keepsTensors(provider: ExecutionProvider): boolean {
  return provider === "webgpu";
}

/**
 * Copies tensors into the device's memory, once.
 *
 * ONNX Runtime for Node has no calls for copies to and from a device (reading a tensor there ends the process, in
 * 1.30), so both go through an identity graph whose outputs are in the right place.
 */
export async function copyToDevice(
  tensors: Readonly<Record<string, Tensor>>,
  provider: ExecutionProvider,
): Promise<Record<string, Tensor>> {
  if (!keepsTensors(provider)) return { ...tensors };
  const copies = await copy(Object.values(tensors), provider, "gpu-buffer");
  return Object.fromEntries(Object.keys(tensors).map((name, index) => [name, copies[index] as Tensor]));
}

/** Copies the elements of tensors, wherever they are; the copies can be transferred to another thread. */
export async function readTensors(tensors: readonly Tensor[], provider: ExecutionProvider): Promise<Float32Array[]> {
  const onDevice = tensors.some(({ location }) => location === "gpu-buffer");
  const here = onDevice ? await copy(tensors, provider, "cpu") : tensors;
  return here.map(({ data }) => Float32Array.from(data as Float32Array));
}

async function copy(
  tensors: readonly Tensor[],
  provider: ExecutionProvider,
  preferredOutputLocation: "cpu" | "gpu-buffer",
): Promise<Tensor[]> {
  if (tensors.length === 0) return [];
  const builder = new GraphBuilder();
  const inputs = tensors.map(({ dims }, index) => ({ name: `in${index}`, value: newValue("float32", dims) }));
  const outputs = inputs.map(({ value }, index) => ({
    name: `out${index}`,
    value: builder.add("Identity", [value], "float32", value.shape),
  }));
  const session = await InferenceSession.create(emitOnnx({ inputs, nodes: builder.nodes, outputs }), {
    executionProviders: [provider, "cpu"],
    preferredOutputLocation,
    logSeverityLevel: 3,
  });
  try {
    const results = await session.run(Object.fromEntries(tensors.map((tensor, index) => [`in${index}`, tensor])));
    return outputs.map(({ name }) => results[name] as Tensor);
  } finally {
    await session.release();
  }
}

/** Frees device memory; host memory of ONNX Runtime is garbage-collected. */
export function freeOnDevice(tensors: readonly Tensor[]): void {
  for (const tensor of tensors) if (tensor.location === "gpu-buffer") tensor.dispose();
}
