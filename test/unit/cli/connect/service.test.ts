import { expect, it } from "vitest";
import { runService, type ServiceFlags } from "../../../../services/cli/connect/service.ts";
import { type CliContext, interruption } from "../../../../services/cli/context/context.ts";
import { systemClock } from "../../../../services/common/clock/system-clock.ts";

it("a service that receives a signal while its program loads does not start", async () => {
  const interrupt = new AbortController();
  const onSignal = () => interrupt.abort(interruption());
  process.on("SIGUSR2", onSignal);
  const messages: unknown[] = [];
  const context: CliContext = {
    stdout: { write: () => {} },
    stderr: { write: () => {} },
    env: { NATS_URL: "nats://127.0.0.1:4222" },
    cwd: "/",
    clock: systemClock,
    interrupted: interrupt.signal,
    takeSignals() {
      process.off("SIGUSR2", onSignal);
      return process;
    },
    report: (message) => void messages.push(message),
  };
  const flags: ServiceFlags = {
    pipeline: "p.yaml",
    host: "127.0.0.1",
    port: 0,
    metricsPort: 0,
    startupTimeout: 0,
    logLevel: "info",
  };
  let started = false;
  // Delivered in a later iteration of the event loop, like a signal that arrives while modules are evaluated.
  process.kill(process.pid, "SIGUSR2");
  const running = runService(context, flags, {
    name: "trainer",
    forcedExitSeconds: 1,
    start: async () => {
      started = true;
      throw new Error("it was started");
    },
  });
  await expect(running).rejects.toMatchObject({ code: "cancelled" });
  expect(started).toBe(false);
  expect(messages).toEqual([{ kind: "failed", code: "cancelled", message: "interrupted" }]);
});
