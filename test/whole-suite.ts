import { spawn } from "node:child_process";
import { join } from "node:path";
import { findNatsServer, howToGetNats, thisMachine } from "../services/cli/stack/find-nats-server.ts";
import { installNatsServer } from "../services/cli/stack/install-nats-server.ts";
import { systemClock } from "../services/common/clock/system-clock.ts";

/**
 * The last part of `npm test`: unit, contract, integration and e2e tests.
 *
 *     npm test [-- --no-install] [-- arguments of vitest]
 *
 * They need nats-server. On Debian and Ubuntu as root, a missing one is installed first, unless --no-install is given;
 * then, and elsewhere, this says how to get it and fails.
 */
const PROJECTS = ["unit", "contract", "integration", "e2e"].flatMap((name) => ["--project", name]);
const VITEST = join(import.meta.dirname, "../node_modules/vitest/vitest.mjs");

const given = process.argv.slice(2);
const binary = await findNatsServer(process.env.PATH);
const nats = binary === undefined ? await missingServer() : { binary };
if ("missing" in nats) {
  console.error(`the tests need nats-server, which was not found: ${nats.missing}`);
  process.exitCode = 1;
} else {
  const args = given.filter((one) => one !== "--no-install");
  const tests = spawn(process.execPath, [VITEST, "run", ...PROJECTS, ...args], { stdio: "inherit" });
  // Ctrl-C reaches vitest by itself, which then stops in order.
  process.on("SIGINT", () => {});
  process.on("SIGTERM", () => tests.kill("SIGTERM"));
  tests.on("exit", (code) => {
    process.exitCode = code ?? 1;
  });
}

async function missingServer() {
  const machine = await thisMachine(process);
  if (given.includes("--no-install")) return { missing: howToGetNats(machine) };
  return installNatsServer({ machine, env: process.env, clock: systemClock, log: (line) => console.log(line) });
}
