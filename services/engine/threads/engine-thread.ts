import type { Worker } from "node:worker_threads";
import { type ErrorCode, UncoupleError } from "../../common/errors.ts";
import { type EntryPoint, startThread } from "../../common/processes/entry-point.ts";

/** A thread's response, with the number of the request. */
export type ThreadAnswer<Result> =
  | { readonly id: number; readonly result: Result }
  | { readonly id: number; readonly error: string; readonly code?: ErrorCode };

interface Pending<Result> {
  resolve(result: Result): void;
  reject(error: UncoupleError): void;
}

/** A thread on which an engine computes. It keeps the process alive only while a response is pending. */
export class EngineThread<Request, Result> {
  private readonly worker: Worker;
  private readonly engine: string;
  private readonly pending = new Map<number, Pending<Result>>();
  private nextId = 0;
  private failure: UncoupleError | undefined;

  /** @param engine its name in errors */
  constructor(entry: EntryPoint, engine: string) {
    this.engine = engine;
    this.worker = startThread(entry);
    this.worker.unref();
    this.worker.on("message", (answer: ThreadAnswer<Result>) => this.settle(answer));
    this.worker.on("error", (cause) => this.fail(`the thread of ${engine} failed: ${cause.message}`, cause));
    this.worker.on("exit", (code) => this.fail(`the thread of ${engine} ended with code ${code}`));
  }

  /** Whether it can take another session. */
  get usable(): boolean {
    return this.failure === undefined;
  }

  /**
   * @param transfer buffers to transfer instead of copying
   * @throws UncoupleError `internal`, or the code that the thread gives, with the engine's message
   */
  ask(request: Request, transfer: readonly ArrayBuffer[] = []): Promise<Result> {
    if (this.failure !== undefined) return Promise.reject(this.failure);
    const id = this.nextId++;
    return new Promise((resolve, reject) => {
      if (this.pending.size === 0) this.worker.ref();
      this.pending.set(id, { resolve, reject });
      this.worker.postMessage({ id, request }, transfer);
    });
  }

  private settle(answer: ThreadAnswer<Result>): void {
    const waiting = this.pending.get(answer.id);
    this.pending.delete(answer.id);
    if (this.pending.size === 0) this.worker.unref();
    if ("error" in answer) {
      waiting?.reject(new UncoupleError(answer.code ?? "internal", `${this.engine}: ${answer.error}`));
    } else {
      waiting?.resolve(answer.result);
    }
  }

  private fail(message: string, cause?: unknown): void {
    this.failure ??= new UncoupleError("internal", message, { cause });
    for (const { reject } of this.pending.values()) reject(this.failure);
    this.pending.clear();
  }
}
