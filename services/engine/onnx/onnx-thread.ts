import type { Worker } from "node:worker_threads";
import { UncoupleError } from "../../common/errors.ts";
import { startThread } from "../../common/processes/entry-point.ts";
import type { OnnxAnswer, OnnxRequest, OnnxResult } from "./thread-messages.ts";

interface Pending {
  resolve(result: OnnxResult): void;
  reject(error: UncoupleError): void;
}

/** A thread that runs ONNX Runtime. It keeps the process alive only while an answer is due. */
export class OnnxThread {
  private readonly worker: Worker;
  private readonly pending = new Map<number, Pending>();
  private nextId = 0;
  private failure: UncoupleError | undefined;

  constructor() {
    this.worker = startThread({ module: "./onnx-worker", from: import.meta.url });
    this.worker.unref();
    this.worker.on("message", (answer: OnnxAnswer) => this.settle(answer));
    this.worker.on("error", (cause) => this.fail(`the thread of ONNX Runtime failed: ${cause.message}`, cause));
    this.worker.on("exit", (code) => this.fail(`the thread of ONNX Runtime ended with code ${code}`));
  }

  /** Whether it can take another session. */
  get usable(): boolean {
    return this.failure === undefined;
  }

  /**
   * @param transfer what is handed over instead of copied
   * @throws UncoupleError `internal` with ONNX Runtime's message
   */
  ask(request: OnnxRequest, transfer: readonly ArrayBuffer[] = []): Promise<OnnxResult> {
    if (this.failure !== undefined) return Promise.reject(this.failure);
    const id = this.nextId++;
    return new Promise((resolve, reject) => {
      if (this.pending.size === 0) this.worker.ref();
      this.pending.set(id, { resolve, reject });
      this.worker.postMessage({ id, request }, transfer);
    });
  }

  private settle(answer: OnnxAnswer): void {
    const waiting = this.pending.get(answer.id);
    this.pending.delete(answer.id);
    if (this.pending.size === 0) this.worker.unref();
    if ("error" in answer) waiting?.reject(new UncoupleError("internal", `ONNX Runtime: ${answer.error}`));
    else waiting?.resolve(answer.result);
  }

  private fail(message: string, cause?: unknown): void {
    this.failure ??= new UncoupleError("internal", message, { cause });
    for (const { reject } of this.pending.values()) reject(this.failure);
    this.pending.clear();
  }
}

/** Threads that wait for the next session, with the models that they have loaded. */
export class OnnxThreadPool {
  private readonly idle: OnnxThread[] = [];

  take(): OnnxThread {
    return this.idle.pop() ?? new OnnxThread();
  }

  giveBack(thread: OnnxThread): void {
    if (thread.usable) this.idle.push(thread);
  }
}
