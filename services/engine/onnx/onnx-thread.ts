import { EngineThread } from "../threads/engine-thread.ts";
import type { OnnxRequest, OnnxResult } from "./thread-messages.ts";

/** A thread that runs ONNX Runtime. */
export class OnnxThread extends EngineThread<OnnxRequest, OnnxResult> {
  constructor() {
    super({ module: "./onnx-worker", from: import.meta.url }, "ONNX Runtime");
  }
}

/** Idle threads with their loaded models. */
export class OnnxThreadPool {
  private readonly idle: OnnxThread[] = [];

  take(): OnnxThread {
    return this.idle.pop() ?? new OnnxThread();
  }

  giveBack(thread: OnnxThread): void {
    if (thread.usable) this.idle.push(thread);
  }
}
