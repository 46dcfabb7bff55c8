import * as z from "zod";
import { DEFAULT_WORKERS, type WorkersSpec } from "../team.ts";
import { parseWith, strict } from "./schema.ts";
import type { Reporter } from "./yaml-file.ts";

const MAX_COUNT = 1_000_000_000;

const workersSchema = strict({
  slots: z.int().min(1).max(1024).default(DEFAULT_WORKERS.slots),
  sync_every: z.int().min(1).max(MAX_COUNT).default(DEFAULT_WORKERS.syncEvery),
  audit: z.number().min(0).max(1).default(DEFAULT_WORKERS.audit),
  numerics: z.enum(["exact", "tolerant"]).default(DEFAULT_WORKERS.numerics),
  fallback: z.enum(["local", "wait"]).default(DEFAULT_WORKERS.fallback),
});
/** Engines that run a step kernel by kernel, so that nothing can be sent to a worker. */
const NOT_SHIPPED = ["tensorflow", "reference"];

/** Parses `workers` of a team file. @param engine of the file, if it is valid */
export function parseWorkers(value: unknown, engine: string | undefined, reporter: Reporter): WorkersSpec | undefined {
  if (value === undefined) return undefined;
  const parsed = parseWith(workersSchema, value, ["workers"], reporter);
  if (engine !== undefined && NOT_SHIPPED.includes(engine)) {
    reporter.report(
      ["workers"],
      `cannot be used with engine ${engine}, which compiles no training steps that could be sent to a worker; use auto, wasm or onnx`,
    );
  }
  if (parsed === undefined) return undefined;
  const { sync_every, ...rest } = parsed;
  return { ...rest, syncEvery: sync_every };
}
