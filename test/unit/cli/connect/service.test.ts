import { copyFile, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
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

it("tells a service the certificates of its connection to NATS, as they are at that time", async () => {
  const folder = await mkdtemp(join(tmpdir(), "uncouple-service-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const tls = join(import.meta.dirname, "../../../helpers/tls");
  const ca = join(folder, "ca.pem");
  await copyFile(join(tls, "ca.pem"), ca);
  const context: CliContext = {
    stdout: { write: () => {} },
    stderr: { write: () => {} },
    env: {},
    cwd: "/",
    clock: systemClock,
    interrupted: new AbortController().signal,
    takeSignals: () => process,
  };
  const flags: ServiceFlags = {
    pipeline: "p.yaml",
    nats: "tls://127.0.0.1:4222",
    natsCa: ca,
    host: "127.0.0.1",
    port: 0,
    metricsPort: 0,
    startupTimeout: 0,
    logLevel: "error",
  };
  const running = runService(context, flags, {
    name: "trainer",
    forcedExitSeconds: 1,
    async start({ natsCertificates }) {
      expect(natsCertificates()).toEqual({ "nats-ca": await readFile(ca), nats: undefined });
      await rm(ca);
      expect(natsCertificates()).toEqual({ "nats-ca": undefined, nats: undefined });
      throw new Error("seen");
    },
  });
  await expect(running).rejects.toThrow("seen");
});
