import { EngineThread } from "../threads/engine-thread.ts";
import type { WasmRequest, WasmResult } from "./thread-messages.ts";

export class WasmThread extends EngineThread<WasmRequest, WasmResult> {
  constructor() {
    super({ module: "./wasm-worker", from: import.meta.url }, "the wasm engine");
  }
}

interface Shared {
  readonly thread: WasmThread;
  sessions: number;
}

/** Threads shared by sessions: at most one per processor; a new session goes to the thread with the fewest. */
export class WasmThreads {
  private readonly most: number;
  private threads: Shared[] = [];

  /** @param most threads */
  constructor(most: number) {
    this.most = most;
  }

  take(): WasmThread {
    this.threads = this.threads.filter(({ thread }) => thread.usable);
    const least = this.threads.toSorted((a, b) => a.sessions - b.sessions)[0];
    if (least !== undefined && (least.sessions === 0 || this.threads.length >= this.most)) {
      least.sessions++;
      return least.thread;
    }
    const added = { thread: new WasmThread(), sessions: 1 };
    this.threads.push(added);
    return added.thread;
  }

  giveBack(thread: WasmThread): void {
    const shared = this.threads.find((candidate) => candidate.thread === thread);
    if (shared !== undefined) shared.sessions--;
  }
}
