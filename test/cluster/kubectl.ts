import { setTimeout as sleep } from "node:timers/promises";
import { UncoupleError } from "../../services/common/errors.ts";
import { attempt, type Outcome, succeed } from "../helpers/run-program.ts";

export const elapsed = (since: number) => (performance.now() - since) / 1000;

export const report = (what: string, value: string) => console.log(`${what.padEnd(46)} ${value}`);

export const kubectl = (...args: string[]) => succeed("kubectl", args);

/** A snapshot and what an evaluator found. */
export interface Verdict {
  readonly component: string;
  readonly serial: number;
  readonly kind: string;
}

/** Calls until it returns something other than undefined. @throws UncoupleError `deadline-exceeded` */
export async function eventually<T>(
  what: string,
  limitSeconds: number,
  call: () => Promise<T | undefined>,
): Promise<T> {
  for (const began = performance.now(); elapsed(began) < limitSeconds; await sleep(300)) {
    const found = await call();
    if (found !== undefined) return found;
  }
  throw new UncoupleError("deadline-exceeded", `${what}: not within ${limitSeconds} s`);
}

/** Waits until every pod of a workload is the newest and ready. */
export async function rolledOut(namespace: string, ...workloads: string[]): Promise<void> {
  for (const workload of workloads) {
    await kubectl("-n", namespace, "rollout", "status", workload, "--timeout=180s");
  }
}

/** Runs a command in a pod. @param target `pod`, or `deployment/NAME` */
export const inPod = (namespace: string, target: string, ...command: string[]): Promise<Outcome> =>
  attempt("kubectl", ["-n", namespace, "exec", target, "--", ...command]);

/** Starts a run and follows it to its end. @throws UncoupleError if it fails */
export async function train(namespace: string, component: string, ...more: string[]): Promise<void> {
  const command = ["uncouple", "train", component, "--trainer", "localhost:50051", "--follow", ...more];
  const { code, stderr } = await inPod(namespace, `trainer-${component}-0`, ...command);
  if (code !== 0) throw new UncoupleError("internal", `the run of ${component} ended with ${code}: ${stderr}`);
}

export async function verdicts(): Promise<readonly Verdict[]> {
  const command = ["uncouple", "verdicts", "--evaluator", "localhost:50051", "--json"];
  const { code, stdout } = await inPod("uncouple", "deployment/evaluator", ...command);
  return code === 0 ? JSON.parse(stdout) : [];
}

export const verdictOn = (component: string, serial: number) =>
  eventually(`verdict on ${component}@${serial}`, 90, async () =>
    (await verdicts()).find((one) => one.component === component && one.serial === serial),
  );

/** Serials of a component's snapshots, as the registry has them. */
export async function serials(component: string): Promise<readonly number[]> {
  const command = ["uncouple", "snapshots", component, "--json"];
  const { code, stdout } = await inPod("uncouple", "deployment/evaluator", ...command);
  if (code !== 0) return [];
  return JSON.parse(stdout).map(({ manifest }: { readonly manifest: { readonly serial: number } }) => manifest.serial);
}

/** What a pod gets when it connects to each address: `connected`, or the error's code. */
export async function reach(namespace: string, pod: string, addresses: readonly string[]): Promise<readonly string[]> {
  const script = `
    const net = require("node:net");
    const reach = (address) => new Promise((done) => {
      const [host, port] = address.split(":");
      const socket = net.connect({ host, port: Number(port), timeout: 4000 });
      const end = (what) => { socket.destroy(); done(what); };
      socket.on("connect", () => end("connected")).on("timeout", () => end("timeout")).on("error", ({ code }) => end(code));
    });
    Promise.all(process.argv.slice(1).map(reach)).then((all) => console.log(JSON.stringify(all)));`;
  const { stdout, stderr, code } = await inPod(namespace, pod, "node", "-e", script, ...addresses);
  if (code !== 0) throw new UncoupleError("internal", stderr);
  return JSON.parse(stdout);
}

/** The value of a metric of a pod; NaN if it has none. */
export async function gauge(namespace: string, pod: string, name: string): Promise<number> {
  const script = "fetch('http://127.0.0.1:9464/metrics').then(async (answer) => console.log(await answer.text()))";
  const { stdout } = await inPod(namespace, pod, "node", "-e", script);
  return Number(new RegExp(`^${name}\\{.*\\} (\\S+)$`, "m").exec(stdout)?.[1] ?? Number.NaN);
}

/** Names of the namespace's pods whose containers have restarted. */
export async function restarted(namespace: string): Promise<readonly string[]> {
  const path = "{range .items[*]}{.metadata.name} {.status.containerStatuses[*].restartCount}{'\\n'}{end}";
  const lines = await kubectl("-n", namespace, "get", "pods", "-o", `jsonpath=${path}`);
  return lines.split("\n").flatMap((line) => {
    const [name = "", ...counts] = line.split(" ");
    return counts.some((count) => Number(count) > 0) ? [name] : [];
  });
}
