import { existsSync, readdirSync } from "node:fs";
import { platform } from "node:os";
import type { Clock } from "../../common/clock/clock.ts";
import { startProcess } from "../../common/processes/entry-point.ts";
import type { ExecutionProvider } from "../../pipeline/team.ts";
import { GraphBuilder, newValue } from "../compiler/graph/ir.ts";
import { emitOnnx } from "../compiler/onnx/emit-onnx.ts";
import { explainFailure } from "./explain-failure.ts";

export interface ProviderProbe {
  readonly starts: boolean;
  /** Whether it would compute on a GPU; a software implementation of Vulkan does not count. */
  readonly gpu: boolean;
  /** One line: the device it would use, or why it cannot start. */
  readonly detail: string;
}

/** Timeout for a GPU driver that hangs; starting one for the first time takes seconds. */
const TIMEOUT_MS = 60_000;

const known = new Map<ExecutionProvider, Promise<ProviderProbe>>();

/** Checks whether an execution provider of ONNX Runtime starts on this machine. Cached per process. Never throws. */
export function probeProvider(provider: ExecutionProvider, clock: Clock): Promise<ProviderProbe> {
  let probe = known.get(provider);
  if (probe === undefined) {
    probe = attempt(provider, clock);
    known.set(provider, probe);
  }
  return probe;
}

async function attempt(provider: ExecutionProvider, clock: Clock): Promise<ProviderProbe> {
  if (provider === "cpu") return { starts: true, gpu: false, detail: "ONNX Runtime on the processor" };
  const failure = await inChild(provider, clock);
  if (failure !== null) return { starts: false, gpu: false, detail: explainFailure(failure) };
  const gpu = gpuDevice();
  const detail = gpu === undefined ? "starts, on a software device: no GPU was found" : `starts, with ${gpu}`;
  return { starts: true, gpu: gpu !== undefined, detail };
}

/** @returns null if the provider ran a model, otherwise why not */
function inChild(provider: ExecutionProvider, clock: Clock): Promise<string | null> {
  return new Promise((resolve) => {
    const child = startProcess({ module: "./probe/main", from: import.meta.url });
    let complaint = "";
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      complaint = (complaint + text).slice(-4000);
    });
    const timer = clock.after(TIMEOUT_MS, () => {
      resolve(`it did not start within ${TIMEOUT_MS / 1000} s`);
      child.kill("SIGKILL");
    });
    const settle = (failure: string | null) => {
      timer.cancel();
      resolve(failure);
    };
    child.once("message", (failure: string | null) => settle(failure));
    child.once("error", (error) => settle(`its test process could not be started: ${error.message}`));
    child.once("close", (code, signal) => {
      const ending = signal === null ? `code ${code}` : `signal ${signal}`;
      settle(`ONNX Runtime ended the process that tried it (${ending}). ${lastComplaint(complaint)}`);
    });
    child.send({ provider, model: smallestModel() });
  });
}

/** Returns the last line on stderr that mentions an error. */
function lastComplaint(text: string): string {
  const lines = text.split("\n").map((line) => line.trim());
  return lines.findLast((line) => /error|fail|what\(\)|unable|not /i.test(line)) ?? "";
}

/** A model that computes y = x x. */
function smallestModel(): Uint8Array {
  const builder = new GraphBuilder();
  const x = newValue("float32", [2, 2]);
  const y = builder.add("MatMul", [x, x], "float32", [2, 2]);
  return emitOnnx({
    inputs: [{ name: "x", value: x }],
    nodes: builder.nodes,
    outputs: [{ name: "y", value: y }],
  });
}

/** Returns the device node of this machine's first GPU, or undefined. */
function gpuDevice(): string | undefined {
  if (platform() !== "linux") return "the system's GPU";
  if (existsSync("/dev/nvidia0")) return "/dev/nvidia0";
  if (existsSync("/dev/dxg")) return "/dev/dxg";
  const nodes = existsSync("/dev/dri") ? readdirSync("/dev/dri") : [];
  const render = nodes.find((node) => node.startsWith("renderD"));
  return render === undefined ? undefined : `/dev/dri/${render}`;
}
