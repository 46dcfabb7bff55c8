import { InferenceSession, Tensor } from "onnxruntime-node";

/**
 * Tries an execution provider in a child process: if it cannot start, ONNX Runtime may abort the whole process. The parent
 * sends a model over IPC and receives null, or the reason why the model did not run.
 */
export interface ProbeRequest {
  readonly provider: string;
  /** Reads `x`, float32 [2, 2]. */
  readonly model: Uint8Array;
}

async function attempt({ provider, model }: ProbeRequest): Promise<string | null> {
  try {
    const session = await InferenceSession.create(model, { executionProviders: [provider], logSeverityLevel: 3 });
    await session.run({ x: new Tensor("float32", Float32Array.of(1, 2, 3, 4), [2, 2]) });
    return null;
  } catch (thrown) {
    return thrown instanceof Error ? thrown.message : String(thrown);
  }
}

process.once("message", (request: ProbeRequest) => {
  void attempt(request).then((failure) => {
    process.send?.(failure, () => process.disconnect());
  });
});
