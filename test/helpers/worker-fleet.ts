import { systemClock } from "../../services/common/clock/system-clock.ts";
import { UncoupleError } from "../../services/common/errors.ts";
import { addCoordinatorService } from "../../services/rpc/server/coordinator-server.ts";
import { createRpcServer } from "../../services/rpc/server/server.ts";
import type {
  CoordinatorService,
  SubmittedUnit,
  UnitFate,
  UnitLease,
  WorkerBeat,
} from "../../services/rpc/services/coordinator-service.ts";
import { packageInfo } from "../../services/runtime/package-info.ts";
import type { Coordinator, CoordinatorSettings, RanUnit } from "../../services/trainer/coordinator/coordinator.ts";
import { createCoordinator } from "../../services/trainer/coordinator/create-coordinator.ts";
import type { Note } from "../../services/trainer/coordinator/machine/events.ts";
import { silentLog } from "./log.ts";
import { type CliProcess, spawnCli } from "./spawn-cli.ts";

/** A call of a worker, at a moment of `performance.now()`. */
export type FleetEvent = { readonly at: number; readonly name: string } & (
  | { readonly type: "leased"; readonly lease: UnitLease }
  | { readonly type: "submitted"; readonly result: SubmittedUnit; readonly fate: UnitFate }
);

/** Moments in the life of a worker and of its unit, as its coordinator sees them. */
export const FLEET_POINTS = [
  "joining",
  "leased a probe",
  "fetching",
  "leased",
  "computing",
  "sending",
  "sent, not answered",
  "answered",
] as const;
export type FleetPoint = (typeof FLEET_POINTS)[number];

export interface FleetOptions {
  /** Units that the coordinator itself runs at a time, where no worker does. */
  readonly cpus?: number;
  /** Address to listen on. */
  readonly host?: string;
  /** Called before the coordinator goes on. @param name of the worker */
  readonly at?: (point: FleetPoint, name: string) => Promise<void> | void;
}

/** A coordinator in this process, which processes of `uncouple worker` reach over gRPC. */
export interface Fleet {
  readonly coordinator: Coordinator;
  readonly port: number;
  readonly notes: readonly Note[];
  readonly ran: readonly RanUnit[];
  /** Waits for the next call for which a function returns something. */
  next<T>(select: (event: FleetEvent) => T | undefined): Promise<T>;
  /**
   * Starts a worker of the build with one thread.
   * @param port of a link to the coordinator; default: its own
   */
  start(name: string, options?: { readonly port?: number; readonly args?: readonly string[] }): CliProcess;
  /** Waits until so many workers are present. */
  present(count: number): Promise<void>;
  /** Kills the workers and ends the coordinator. */
  close(): Promise<void>;
}

export async function openFleet(
  settings: Partial<CoordinatorSettings> = {},
  { cpus, host = "127.0.0.1", at = () => {} }: FleetOptions = {},
): Promise<Fleet> {
  const clock = systemClock;
  const notes: Note[] = [];
  const ran: RanUnit[] = [];
  const names = new Map<string, string>();
  const listeners = new Set<(event: FleetEvent) => void>();
  const workers: CliProcess[] = [];
  const { version } = packageInfo();
  const coordinator = createCoordinator(
    { pipeline: "fleet", component: "m1", codeVersion: version, incarnation: 1, enabled: true, ...settings },
    {
      clock,
      observer: { note: (note) => notes.push(note), ran: (unit) => ran.push(unit), exchanged() {} },
      ...(cpus !== undefined && { cpus }),
    },
  );
  const tell = (event: FleetEvent) => {
    for (const listener of listeners) listener(event);
  };
  const nameOf = (worker: string) => names.get(worker) ?? worker;
  async function* announced(result: SubmittedUnit, parts: AsyncIterable<Uint8Array>) {
    for await (const part of parts) {
      await at("sending", nameOf(result.worker));
      yield part;
    }
  }
  async function* computing(beats: AsyncIterable<WorkerBeat>) {
    for await (const beat of beats) {
      if (beat.units.some(({ work }) => work > 0)) await at("computing", nameOf(beat.worker));
      yield beat;
    }
  }
  const watched: CoordinatorService = {
    ...coordinator,
    beat: (beats, signal) => coordinator.beat(computing(beats), signal),
    async fetch(worker, digest) {
      await at("fetching", nameOf(worker));
      return coordinator.fetch(worker, digest);
    },
    async join(worker) {
      await at("joining", worker.name);
      const joined = await coordinator.join(worker);
      if (!("refusal" in joined)) names.set(joined.worker, worker.name);
      return joined;
    },
    async lease(worker, signal) {
      const lease = await coordinator.lease(worker, signal);
      if (lease === undefined) return undefined;
      await at(isProbe(lease) ? "leased a probe" : "leased", nameOf(worker));
      tell({ type: "leased", at: performance.now(), name: nameOf(worker), lease });
      return lease;
    },
    async submit(result, parts) {
      const name = nameOf(result.worker);
      const answer = await coordinator.submit(result, announced(result, parts));
      if (!isProbe(result)) await at("sent, not answered", name);
      tell({ type: "submitted", at: performance.now(), name, result, fate: answer.fate });
      if (!isProbe(result)) void at("answered", name);
      return answer;
    },
  };
  const server = createRpcServer({ clock, host, port: 0, log: silentLog });
  addCoordinatorService(server, () => watched);
  const port = await server.start();
  return {
    coordinator,
    port,
    notes,
    ran,
    next: (select) =>
      new Promise((resolve) => {
        const listener = (event: FleetEvent) => {
          const selected = select(event);
          if (selected === undefined) return;
          listeners.delete(listener);
          resolve(selected);
        };
        listeners.add(listener);
      }),
    start(name, options = {}) {
      const args = ["worker", "--trainer", `127.0.0.1:${options.port ?? port}`, "--name", name, "--threads", "1"];
      const worker = spawnCli([...args, ...(options.args ?? [])]);
      workers.push(worker);
      return worker;
    },
    async present(count) {
      for (let waited = 0; coordinator.metrics().present !== count; waited += 20) {
        if (waited > 60_000) throw new UncoupleError("deadline-exceeded", `${count} workers did not come or go`);
        await clock.sleep(20);
      }
    },
    async close() {
      for (const { child } of workers) child.kill("SIGKILL");
      await Promise.all(workers.map(({ ended }) => ended));
      await coordinator.close();
      await server.stop(0);
    },
  };
}

/** Whether a lease is a probe of its job: the first steps of slot 0. */
export function isProbe({ slot, first, count }: Pick<UnitLease, "slot" | "first" | "count">): boolean {
  return slot === 0 && first === 0 && count === 8;
}
