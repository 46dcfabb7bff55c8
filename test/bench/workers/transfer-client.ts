import { createHash } from "node:crypto";
import { systemClock } from "../../../services/common/clock/system-clock.ts";
import { connectCoordinator } from "../../../services/rpc/client/coordinator-client.ts";

/** Fetches bytes of a coordinator and submits them, again and again: the worker's side of `exchange.ts`, as a process. */
const [port, size, digest = "", repeats] = process.argv.slice(2);
const client = connectCoordinator(`127.0.0.1:${port}`, { clock: systemClock });
for (let i = 0; i < Number(repeats); i++) {
  const bytes = await client.fetch("w", digest);
  const outcome = {
    digest: createHash("sha256").update(bytes).digest("hex"),
    size: Number(size),
    losses: new Float32Array(1),
  };
  const unit = { job: digest, slot: 0, first: 0, count: 1, base: digest };
  await client.submit({ worker: "w", lease: "l", ...unit, seconds: 1, outcome }, bytes);
}
client.close();
