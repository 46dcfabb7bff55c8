import { closeSync, readdirSync, readlinkSync, writeFileSync } from "node:fs";
import { Worker } from "node:worker_threads";
import { UncoupleError } from "../../common/errors.ts";
import { ModelFault } from "../../learning/snapshot/faults/model-fault.ts";
import { OutOfMemory } from "../../learning/snapshot/faults/runtime-fault.ts";
import { loadSnapshotModel } from "../../learning/snapshot/load-snapshot-model.ts";
import type { SentError } from "../frames/messages.ts";
import { OUT_OF_MEMORY } from "./exit-codes.ts";
import { CallerGone, columnOf, hostPipes } from "./host-pipes.ts";
import { type Caller, createStageRunner, StageError } from "./run-stages.ts";

/**
 * An inference host: runs what its caller sends over standard input, one call at a time, and trusts no model. It ends when
 * its caller closes the pipe, or kills it.
 */
const runner = createStageRunner(loadSnapshotModel);

// From TypeScript sources, modules are compiled by a process behind a socket that is closed next.
if (import.meta.url.endsWith(".ts")) await import("../../learning/snapshot/onnx-snapshot-model.ts");
closeInherited();
try {
  // If memory runs out, Linux kills this process first.
  writeFileSync("/proc/self/oom_score_adj", "1000");
} catch {
  // Not Linux, or not permitted.
}

/** Closes files and sockets that a library of the service has left open across the start of this process. */
function closeInherited(): void {
  let open: string[] = [];
  try {
    open = readdirSync("/proc/self/fd");
  } catch {
    // Not Linux.
  }
  for (const name of open) {
    const descriptor = Number(name);
    try {
      if (descriptor > 2 && /^(\/|socket:)/.test(readlinkSync(`/proc/self/fd/${name}`))) closeSync(descriptor);
    } catch {
      // The descriptor that listed the folder is gone.
    }
  }
}

/** A model can keep this thread for hours, so a second one watches for the death of the process that started this one. */
let watched = false;
function watchParent(): void {
  if (watched) return;
  watched = true;
  const code = `const { workerData } = require("node:worker_threads");
    setInterval(() => { if (process.ppid !== workerData) process.kill(process.pid, "SIGKILL"); }, 250);`;
  // By default, V8 reserves 500 MB of address space for the code of a thread.
  const resourceLimits = { codeRangeSizeMb: 8 };
  // With streams of its own: connecting them to those of this process would make these non-blocking.
  const own = { stdin: true, stdout: true, stderr: true };
  new Worker(code, { ...own, eval: true, workerData: process.ppid, execArgv: [], env: {}, resourceLimits }).unref();
}

/** How long a host may not tell that it has finished batches of rows. */
const QUIET_MS = 50;
/** When it told last. */
let told = 0;

/** The model that came with the call in progress. */
let ahead: { readonly stage: number | undefined; readonly bytes: ArrayBuffer } | undefined;

const caller: Caller = {
  async fetch(stage, columns, model) {
    if (model) watchParent();
    const sent = model && ahead?.stage === stage ? ahead.bytes : undefined;
    // Also if that is nothing: the caller must know which model is loaded next.
    hostPipes.send({ kind: "missing", stage, columns, model: model && sent === undefined });
    const fetched = columns.map(() => {
      const { message, body } = hostPipes.receive();
      if (message.kind !== "column") throw abandoned();
      return columnOf(message.column, body);
    });
    if (!model) return { columns: fetched };
    if (sent !== undefined) return { columns: fetched, model: new Uint8Array(sent) };
    const { message, body } = hostPipes.receive();
    if (message.kind !== "model") throw abandoned();
    return { columns: fetched, model: new Uint8Array(body) };
  },
  progress(stage, phase) {
    const now = performance.now();
    if (phase === "rows" && now - told < QUIET_MS) return;
    told = now;
    hostPipes.send({ kind: "progress", stage, phase });
  },
  output(values) {
    // What follows at once tells of the next stage, or of the end.
    hostPipes.send({ kind: "output" }, values, false);
  },
};

function abandoned(): UncoupleError {
  return new UncoupleError("cancelled", "the caller gave up");
}

function sent(thrown: unknown): SentError {
  if (thrown instanceof ModelFault) return { reason: thrown.reason, message: thrown.message };
  // A defect of this program: its message may quote values.
  return { message: "the inference host failed" };
}

async function serve(): Promise<void> {
  hostPipes.send({ kind: "ready" });
  for (;;) {
    const { message, body } = hostPipes.receive();
    if (message.kind !== "run") continue;
    ahead = { stage: message.ahead, bytes: body };
    try {
      await runner.run(message.request, caller);
      hostPipes.send({ kind: "done", held: runner.held() });
    } catch (thrown) {
      if (!(thrown instanceof StageError)) throw thrown;
      const { stage, cause } = thrown;
      if (cause instanceof OutOfMemory || isAllocationFailure(cause)) process.exit(OUT_OF_MEMORY);
      if (cause instanceof CallerGone) throw cause;
      hostPipes.send({ kind: "failed", stage, error: sent(cause), held: runner.held() });
    }
  }
}

/** Of an array or of WebAssembly's memory. */
function isAllocationFailure(thrown: unknown): boolean {
  return thrown instanceof RangeError && /allocation failed|out of memory|could not allocate/i.test(thrown.message);
}

serve().catch((thrown: unknown) => process.exit(thrown instanceof CallerGone ? 0 : 1));
