import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Stack } from "../../services/cli/connect/stack-file.ts";
import { createRandom } from "../../services/data/random/random.ts";
import { freePort } from "../helpers/free-port.ts";
import { natsVersions } from "../helpers/nats-versions.ts";
import { type CliProcess, spawnCli } from "../helpers/spawn-cli.ts";
import { answers, startServer } from "./processes.ts";

export interface WatchedStack {
  readonly dir: string;
  readonly stack: Stack;
  /** Runs `uncouple` to its end, which must be a success. */
  command(...args: string[]): Promise<void>;
  /** Starts another `uncouple` process, which ends with the stack. */
  spawn(args: readonly string[]): CliProcess;
  stop(): Promise<void>;
}

/** m1 predicts a number, m2 a class, rows have a device, and a gate decides: every metric of verdicts and gates is there. */
const PIPELINE = `pipeline: watched
data: { source: file, path: rows.csv, test_fraction: 0.5 }
components:
  m1: { columns: [x1], output: { name: z, width: 1, meaning: real }, target: z, loss: mse }
  m2: { columns: [x2], upstream: [m1], output: { name: y, meaning: probabilities, classes: ["no", "yes"] }, target: label, loss: cross-entropy }
slices: [device]
audit: { held_out: 300 }
verdict: { horizon: 1000 }
gate: { mode: enforce, bootstrap: newest }
`;

/** z is 2 x1 with noise; the label tells whether z + x2, with noise, is above 0. */
function rowsOf(count: number): string {
  const random = createRandom(3, "watched");
  const lines = Array.from({ length: count }, (_, row) => {
    const [x1, x2] = [random.gaussian(), random.gaussian()];
    const z = 2 * x1 + 0.1 * random.gaussian();
    const label = z + x2 + 0.1 * random.gaussian() > 0 ? "yes" : "no";
    return [x1, x2, z, label, row % 3 === 0 ? "tv" : "web"].join(",");
  });
  return `${["x1,x2,z,label,device", ...lines].join("\n")}\n`;
}

/** Two teams under `uncouple up`, on a nats-server that tells its time and has a monitoring port. */
export async function startWatchedStack(given: Readonly<Record<string, string>> = {}): Promise<WatchedStack> {
  const dir = await mkdtemp(join(tmpdir(), "uncouple-watched-"));
  const { binary = "" } = (await natsVersions()).at(-1) ?? {};
  const [port, monitor] = [await freePort(), await freePort()];
  const monitorUrl = `http://127.0.0.1:${monitor}`;
  const natsArgs = ["-js", "-sd", join(dir, "nats"), "-a", "127.0.0.1", "-p", String(port), "-m", String(monitor)];
  const nats = await startServer(binary, natsArgs, () => answers(`${monitorUrl}/healthz`));
  const env = { NATS_URL: `nats://127.0.0.1:${port}`, NATS_MONITOR_URL: monitorUrl, ...given };
  await writeFile(join(dir, "pipeline.yaml"), PIPELINE);
  await writeFile(join(dir, "rows.csv"), rowsOf(2000));
  await writeFile(join(dir, "m1.yaml"), "component: m1\nmodel: linear\nsteps: 300\n");
  await writeFile(join(dir, "m2.yaml"), "component: m2\nmodel: { hidden: [16] }\nsteps: 300\n");
  const others: CliProcess[] = [];
  const spawn = (args: readonly string[]) => {
    const started = spawnCli(args, { cwd: dir, env });
    others.push(started);
    return started;
  };
  const up = spawn(["up", "pipeline.yaml", "m1.yaml", "m2.yaml", "--json"]);
  await up.seen(/\n}\n$/);
  return {
    dir,
    stack: JSON.parse(up.stdout()) as Stack,
    spawn,
    async command(...args) {
      const ran = spawnCli(args, { cwd: dir, env });
      const code = await ran.ended;
      if (code !== 0) throw new Error(`uncouple ${args.join(" ")} exited with ${code}: ${ran.stderr()}`);
    },
    async stop() {
      for (const one of others.reverse()) {
        one.child.kill("SIGTERM");
        await one.ended;
      }
      await nats.stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
}
