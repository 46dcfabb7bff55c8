import { env, InferenceSession, Tensor } from "onnxruntime-node";
import type { ExecutionProvider } from "../../pipeline/team.ts";
import { EPOCH_NAMES } from "../compiler/onnx/epoch-scan.ts";
import { serveRequests } from "../threads/serve-requests.ts";
import { copyToDevice, freeOnDevice, keepsTensors, readTensors } from "./device-tensors.ts";
import type { CarriedTensor, OnnxRequest, OnnxResult } from "./thread-messages.ts";

/**
 * Runs ONNX Runtime on a dedicated thread: onnxruntime-node computes on the thread that calls it, and a training chunk
 * would block it. One training session at a time.
 */

env.logLevel = "error";

/** Compiled models by digest; sessions of equal programs follow each other on a thread. */
const models = new Map<string, InferenceSession>();
const MODELS_KEPT = 8;

interface Open {
  readonly provider: ExecutionProvider;
  readonly session: InferenceSession;
  readonly resident: Readonly<Record<string, Tensor>>;
  carried: Tensor[];
}

let open: Open | null = null;

async function model(request: OnnxRequest & { kind: "open" }): Promise<InferenceSession> {
  const known = models.get(request.digest);
  if (known !== undefined) {
    // Re-inserts the entry at the end, so that the first key is the least recently used.
    models.delete(request.digest);
    models.set(request.digest, known);
    return known;
  }
  const session = await InferenceSession.create(request.model, {
    executionProviders: request.provider === "cpu" ? ["cpu"] : [request.provider, "cpu"],
    intraOpNumThreads: request.threads,
    interOpNumThreads: 1,
    executionMode: "sequential",
    graphOptimizationLevel: "all",
    logSeverityLevel: 3,
    // The moments of units that no longer fire fade into denormal numbers, on which a processor is many times slower.
    extra: { session: { set_denormal_as_zero: "1" } },
    ...(keepsTensors(request.provider) && { preferredOutputLocation: stateOnDevice(request.state.length) }),
  });
  models.set(request.digest, session);
  const [oldest] = models;
  if (models.size > MODELS_KEPT && oldest !== undefined) {
    models.delete(oldest[0]);
    await oldest[1].release();
  }
  return session;
}

/** The carried state stays on the device; the losses come back. */
function stateOnDevice(count: number): Record<string, "gpu-buffer"> {
  const names = Array.from({ length: count }, (_, index) => EPOCH_NAMES.after(index));
  return Object.fromEntries(names.map((name) => [name, "gpu-buffer" as const]));
}

function carriedTensors(state: readonly CarriedTensor[]): Tensor[] {
  return state.map(({ values, shape }) => new Tensor("float32", values, [...shape]));
}

async function run(current: Open, request: OnnxRequest & { kind: "run" }): Promise<Float32Array> {
  const { steps, batch } = request;
  const feeds: Record<string, Tensor> = { ...current.resident };
  feeds[EPOCH_NAMES.indices] = new Tensor("int32", request.indices, [steps, batch]);
  request.scheduled.forEach((column, index) => {
    feeds[EPOCH_NAMES.scheduled(index)] = new Tensor("float32", column, [steps]);
  });
  for (const [name, { values, width }] of Object.entries(request.feeds)) {
    // ONNX Runtime takes no shared memory.
    const own = values.buffer instanceof SharedArrayBuffer ? new Float32Array(values) : values;
    feeds[EPOCH_NAMES.feed(name)] = new Tensor("float32", own, [steps, batch, width]);
  }
  current.carried.forEach((tensor, index) => {
    feeds[EPOCH_NAMES.before(index)] = tensor;
  });
  const results = await current.session.run(feeds);
  freeOnDevice(current.carried);
  current.carried = current.carried.map((_, index) => results[EPOCH_NAMES.after(index)] as Tensor);
  // A copy: memory of ONNX Runtime cannot be transferred to another thread.
  return Float32Array.from((results[EPOCH_NAMES.losses] as Tensor).data as Float32Array);
}

/** Columns received for the next session. */
const sent = new Map<string, Float32Array>();

function receive({ name, length, from, values }: OnnxRequest & { kind: "column" }): void {
  const column = (from === 0 ? undefined : sent.get(name)) ?? new Float32Array(length);
  column.set(values, from);
  sent.set(name, column);
}

async function start(request: OnnxRequest & { kind: "open" }): Promise<void> {
  const session = await model(request);
  const columns: Record<string, Tensor> = {};
  for (const [name, width] of Object.entries(request.resident)) {
    columns[EPOCH_NAMES.resident(name)] = new Tensor("float32", sent.get(name) as Float32Array, [request.rows, width]);
  }
  sent.clear();
  const resident = await copyToDevice(columns, request.provider);
  open = { session, provider: request.provider, resident, carried: carriedTensors(request.state) };
}

async function answer(request: OnnxRequest): Promise<OnnxResult> {
  if (request.kind === "column") {
    receive(request);
    return null;
  }
  if (request.kind === "open") {
    await start(request);
    return null;
  }
  if (request.kind === "close") sent.clear();
  if (open === null) return null;
  switch (request.kind) {
    case "run":
      return run(open, request);
    case "state":
      return readTensors(open.carried, open.provider);
    case "restore":
      freeOnDevice(open.carried);
      open.carried = carriedTensors(request.state);
      return null;
    case "close":
      freeOnDevice([...open.carried, ...Object.values(open.resident)]);
      open = null;
      return null;
  }
}

// One request at a time: ONNX Runtime's calls yield before they start.
serveRequests(answer);
