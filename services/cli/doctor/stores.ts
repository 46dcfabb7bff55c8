import { timeoutSignal } from "../../common/async/timeout-signal.ts";
import type { Clock } from "../../common/clock/clock.ts";
import { asUncoupleError, UncoupleError } from "../../common/errors.ts";
import { FILLING_UP, fullness, type Space, spaceText } from "../../registry/usage.ts";
import { type CliContext, setting } from "../context/context.ts";
import { type NatsAccess, type NatsFlags, natsAccess } from "../flags/nats-flags.ts";
import { type Check, checksOf } from "./check.ts";

/** How full a store is. */
export interface StoreReport {
  /** What it is, and where. */
  readonly store: string;
  readonly used: number | null;
  readonly limit: number | null;
  /** Whether it is 80 % full or more; null: unknown. */
  readonly fillsUp: boolean | null;
  readonly detail: string;
  /** What to do when it fills up; null: nothing. */
  readonly advice: string | null;
}

const TIMEOUT_MS = 5_000;
/** The fraction from which on a store is as good as full. */
const FULL = 0.95;
const { ok, warning, failure, unknown: notKnown } = checksOf("storage");

/** Measures the stores of the running server that flags or environment name: none without one. */
export async function measureStores(
  flags: NatsFlags & { readonly nats?: string; readonly natsMonitor?: string; readonly pipeline?: string },
  context: Pick<CliContext, "env" | "cwd" | "clock">,
): Promise<readonly StoreReport[]> {
  const { env, clock } = context;
  const url = flags.nats ?? setting(env, "NATS_URL");
  const pipeline = flags.pipeline ?? setting(env, "UNCOUPLE_PIPELINE");
  const monitor = flags.natsMonitor ?? setting(env, "NATS_MONITOR_URL");
  return [
    ...(url === undefined || pipeline === undefined
      ? []
      : await ofPipeline(natsAccess(context, flags, url), pipeline, clock)),
    ...(monitor === undefined ? [] : [await ofServer(monitor, clock)]),
  ];
}

async function ofPipeline(address: NatsAccess, pipeline: string, clock: Clock): Promise<readonly StoreReport[]> {
  const { connectJetStream } = await import("../../registry/jetstream/backplane.ts");
  const models = `model store of ${pipeline} at ${address.url}`;
  try {
    const backplane = await connectJetStream({ ...address, pipeline, clock, name: "uncouple-doctor", create: false });
    try {
      const usage = await backplane.usage();
      return [
        report(models, usage.models, "raise --max-store-bytes, or delete old models with uncouple gc"),
        ...(usage.server.limit === null
          ? []
          : [report(`storage of the account at ${address.url}`, usage.server, "raise the limit of the account")]),
      ];
    } finally {
      await backplane.close();
    }
  } catch (thrown) {
    return [unknown(models, asUncoupleError(thrown).message)];
  }
}

/** `/jsz` of the monitoring port: only there does a server tell its own limit. */
async function ofServer(monitor: string, clock: Clock): Promise<StoreReport> {
  const store = `storage of the NATS server at ${monitor}`;
  const timeout = timeoutSignal(clock, TIMEOUT_MS, new UncoupleError("deadline-exceeded", "the monitoring port"));
  try {
    const response = await fetch(new URL("/jsz?config=true", monitor), { signal: timeout.signal });
    const { storage, config } = (await response.json()) as { storage?: number; config?: { max_storage?: number } };
    if (storage === undefined || config?.max_storage === undefined) return unknown(store, "it does not tell");
    return report(store, { used: storage, limit: config.max_storage }, "raise max_file of its jetstream block");
  } catch {
    return unknown(store, "it does not answer as a NATS server's monitoring port");
  } finally {
    timeout.dispose();
  }
}

export function checkStore({ store, used, limit, detail, advice }: StoreReport): Check {
  if (used === null) return notKnown(store, detail, null);
  const space = { used, limit };
  if (advice === null) return ok(store, spaceText(space));
  const judge = fullness(space) < FULL ? warning : failure;
  return judge(store, spaceText(space), advice);
}

function report(store: string, space: Space, advice: string): StoreReport {
  const fillsUp = fullness(space) >= FILLING_UP;
  const detail = fillsUp ? `${spaceText(space)}; ${advice}` : spaceText(space);
  return { store, ...space, fillsUp, detail, advice: fillsUp ? advice : null };
}

function unknown(store: string, detail: string): StoreReport {
  return { store, used: null, limit: null, fillsUp: null, detail, advice: null };
}
