import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Clock } from "../../common/clock/clock.ts";
import type { UnitRunner } from "../../learning/units/unit.ts";
import { addCoordinatorService } from "../../rpc/server/coordinator-server.ts";
import { createRpcServer } from "../../rpc/server/server.ts";
import { createLogger } from "../../runtime/logs.ts";
import { packageInfo } from "../../runtime/package-info.ts";
import { createCoordinator } from "../../trainer/coordinator/create-coordinator.ts";
import { startService } from "./service-process.ts";

/** Workers that a command starts for itself. */
export interface OwnWorkers {
  readonly units: UnitRunner;
  stop(): Promise<void>;
}

export interface OwnWorkersOptions {
  /** Processes, each with one thread. */
  readonly count: number;
  readonly pipeline: string;
  readonly component: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** Starts a coordinator in this process, and workers as processes of their own on this machine. */
export async function startOwnWorkers(options: OwnWorkersOptions): Promise<OwnWorkers> {
  const { count, pipeline, component, env, clock, signal } = options;
  const folder = await mkdtemp(join(tmpdir(), "uncouple-workers-"));
  const log = createLogger({ service: "coordinator", clock, destination: { write: () => {} }, level: "error" });
  const coordinator = createCoordinator(
    { pipeline, component, codeVersion: packageInfo().version, incarnation: 1, enabled: true },
    { clock, observer: { note() {}, ran() {}, exchanged() {} } },
  );
  const server = createRpcServer({ host: "127.0.0.1", port: 0, clock, log });
  const stopping: (() => Promise<void>)[] = [
    () => rm(folder, { recursive: true, force: true }),
    () => server.stop(0),
    () => coordinator.close(),
  ];
  const stop = async () => {
    for (const step of stopping.splice(0).reverse()) await step();
  };
  try {
    addCoordinatorService(server, () => coordinator);
    const port = await server.start();
    const workers = await Promise.all(
      Array.from({ length: count }, (_, index) =>
        startService(
          {
            name: `worker ${index + 1}`,
            args: ["worker", "--trainer", `127.0.0.1:${port}`, "--name", `worker-${index + 1}`, "--threads", "1"],
            logFile: join(folder, `worker-${index + 1}.log`),
          },
          { env, clock },
          signal,
        ),
      ),
    );
    stopping.push(async () => {
      await Promise.all(workers.map((worker) => worker.stop()));
    });
    return { units: coordinator, stop };
  } catch (thrown) {
    await stop();
    throw thrown;
  }
}
