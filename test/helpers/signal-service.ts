/**
 * A service for signal tests, run as a separate process. Its argument says how its work behaves:
 * `polite` finishes, `failing` fails, `stuck` hangs, `leaky` finishes but leaves a timer running.
 */
import { systemClock } from "../../services/common/clock/system-clock.ts";
import { UncoupleError } from "../../services/common/errors.ts";
import { createLifecycle } from "../../services/runtime/lifecycle.ts";
import { createLogger } from "../../services/runtime/logs.ts";
import { stopOnSignals } from "../../services/runtime/signals.ts";

const behavior = process.argv[2];
const log = createLogger({ clock: systemClock, service: "signals", level: "debug", destination: process.stdout });
const patient = behavior === "stuck" ? 60 : 5;
const lifecycle = createLifecycle({
  clock: systemClock,
  name: "signals",
  log,
  graceSeconds: patient,
  forceSeconds: patient,
});
const timer = setInterval(() => {}, 1000);

await lifecycle.start(async () => {
  lifecycle.onCleanup("timer", () => {
    if (behavior !== "leaky") clearInterval(timer);
  });
  lifecycle.onDrain("work", async () => {
    if (behavior === "failing") throw new UncoupleError("data-loss", "work was lost");
    if (behavior === "stuck") await new Promise<never>(() => {});
  });
});
stopOnSignals({ clock: systemClock, process, log, stop: lifecycle.stop, forcedExitSeconds: 0.5 });
log.info("ready");
