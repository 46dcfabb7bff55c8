import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { succeed } from "../helpers/run-program.ts";
import { type Deployment, withDeployment } from "./deployment.ts";
import {
  elapsed,
  eventually,
  gauge,
  inPod,
  kubectl,
  report,
  restarted,
  rolledOut,
  train,
  verdictOn,
} from "./kubectl.ts";
import { type Load, type Publisher, putUnderLoad } from "./load.ts";

const TEAMS: readonly Publisher[] = ["m1", "m2"].map((component) => ({
  component,
  namespace: `uncouple-${component}`,
}));
const NATS = "statefulset/nats";
const EVALUATORS = "deployment/evaluator";
/** The namespaces, which must not exist before. */
export const PRODUCTION_NAMESPACES = ["uncouple", ...TEAMS.map(({ namespace }) => namespace)];

/**
 * What `uncouple scaffold` writes for production, in miniature: three NATS servers with accounts and TLS, two evaluators, two
 * teams in namespaces of their own, gRPC with certificates of both sides. Kills, cuts off and restarts everything under load.
 */
export async function runProduction(): Promise<void> {
  const nodes = (await kubectl("get", "nodes", "-o", "name")).split("\n");
  if (nodes.length < 3) {
    report("production layout", "skipped: needs three nodes");
    return;
  }
  await withDeployment(async (deployment) => {
    const { home, scaffold, withoutAutoscaler } = deployment;
    const commands = [
      ...(await scaffold("pipeline", "--autoscaler", "none")),
      ...(await scaffold("team", "m1")),
      ...(await scaffold("team", "m2", "--workers", "2")),
    ];
    await scaffold("nats", "--out", "d/accounts");
    await withoutAutoscaler("m2");
    await writeTeams(deployment, "model: { hidden: [32] }\nsteps: 400\nworkers: { slots: 2, sync_every: 100 }\n");
    const began = performance.now();
    // As a person would, who copies what `uncouple scaffold` prints.
    await succeed("sh", ["-ec", `cd "$1"\n${commands.join("\n")}`, "sh", home]);
    report("secrets and kubectl apply", `${elapsed(began).toFixed(1)} s`);
    await rolledOut("uncouple", NATS, EVALUATORS);
    for (const { namespace, component } of TEAMS) await rolledOut(namespace, `statefulset/trainer-${component}`);
    await rolledOut("uncouple-m2", "deployment/worker-m2");
    report("first kubectl apply to all ready", `${elapsed(began).toFixed(1)} s`);
    await train("uncouple-m1", "m1");
    await verdictOn("m1", 1);
    report("first kubectl apply to the first verdict", `${elapsed(began).toFixed(1)} s`);
    await eventually("a worker of m2", 60, async () =>
      (await gauge("uncouple-m2", "trainer-m2-0", "uncouple_workers_present")) > 0 ? true : undefined,
    );
    report("workers over mutual TLS", "present");
    for (const namespace of PRODUCTION_NAMESPACES) assert.deepEqual(await restarted(namespace), []);
    report("restarts", "0");
  });
  await checkCredentials();
  await runJobs();
  const load = putUnderLoad(TEAMS);
  try {
    await load.during("undisturbed", () => published(10));
    await load.during("NATS leader killed", killLeader);
    await loseNode(load);
    await load.during("rolling restart of everything", restartAll);
  } catch (error) {
    await load.stop();
    throw error;
  }
  await load.end();
}

/** Writes short trainings of m1, and what m2 is to train. */
export async function writeTeams({ folder }: Deployment, m2: string): Promise<void> {
  await writeFile(join(folder, "teams/m1/team.yaml"), "component: m1\nmodel: linear\nsteps: 400\n");
  await writeFile(join(folder, "teams/m2/team.yaml"), `component: m2\n${m2}`);
}

/** What is refused without the right key or certificate. */
async function checkCredentials(): Promise<void> {
  const refused = async (what: string, said: RegExp, ...command: string[]) => {
    const { code, stderr } = await inPod("uncouple-m1", "trainer-m1-0", "env", ...command);
    assert.notEqual(code, 0, what);
    assert.match(stderr, said, what);
  };
  const runs = ["uncouple", "runs", "--trainer", "localhost:50051"];
  const snapshots = ["uncouple", "snapshots"];
  await refused(
    "gRPC without TLS",
    /cannot reach/,
    "-u",
    "UNCOUPLE_TLS_CA",
    "-u",
    "UNCOUPLE_TLS_CERT",
    "-u",
    "UNCOUPLE_TLS_KEY",
    ...runs,
  );
  await refused(
    "gRPC without a certificate",
    /cannot reach/,
    "-u",
    "UNCOUPLE_TLS_CERT",
    "-u",
    "UNCOUPLE_TLS_KEY",
    ...runs,
  );
  await refused("NATS without a key", /NATS/, "-u", "NATS_NKEY", ...snapshots);
  await refused("NATS with an unknown authority", /NATS/, "NATS_CA=/var/run/uncouple/tls/ca.crt", ...snapshots);
  await refused("the operator's work with a team's key", /does not permit/, "uncouple", "gc", "--keep", "1");
  report("without the right key or certificate", "5 of 5 refused");
}

/** Runs each CronJob once. */
async function runJobs(): Promise<void> {
  const names = (await kubectl("-n", "uncouple", "get", "cronjobs", "-o", "jsonpath={.items[*].metadata.name}")).split(
    " ",
  );
  for (const name of names) {
    await kubectl("-n", "uncouple", "create", "job", `${name}-now`, `--from=cronjob/${name}`);
    await kubectl("-n", "uncouple", "wait", "--for=condition=complete", `job/${name}-now`, "--timeout=120s");
  }
  report("CronJobs run once", names.join(", "));
}

/** Waits until every team has published so many more snapshots. */
async function published(more: number): Promise<void> {
  for (const { namespace, component } of TEAMS) {
    const count = () => gauge(namespace, `trainer-${component}-0`, "uncouple_snapshot_publish_seconds_count");
    const before = await count();
    await eventually(`${more} more snapshots of ${component}`, 240, async () =>
      (await count()) >= before + more ? true : undefined,
    );
  }
}

/** Kills the server that leads the stream of announcements. */
async function killLeader(): Promise<void> {
  const leader = await leaderOf("uncouple-paper-snapshots");
  await kubectl("-n", "uncouple", "delete", "pod", leader, "--grace-period=0", "--force");
  await rolledOut("uncouple", NATS);
  await published(3);
}

async function leaderOf(stream: string): Promise<string> {
  const answer = await natsMonitor("/jsz?acc=HUB&streams=true");
  const { account_details: accounts } = answer as {
    readonly account_details: readonly {
      readonly stream_detail: readonly { readonly name: string; readonly cluster: { readonly leader: string } }[];
    }[];
  };
  const found = accounts.flatMap(({ stream_detail }) => stream_detail).find(({ name }) => name === stream);
  assert.ok(found !== undefined, `no stream ${stream}`);
  return found.cluster.leader;
}

/** Asks a server's monitoring port, to which NetworkPolicies admit nobody here, through its pod. */
async function natsMonitor(path: string): Promise<unknown> {
  const forward = spawn("kubectl", ["-n", "uncouple", "port-forward", "pod/nats-0", ":8222"]);
  try {
    const [line] = await once(forward.stdout, "data");
    const port = /127\.0\.0\.1:(\d+)/.exec(String(line))?.[1];
    return await (await fetch(`http://127.0.0.1:${port}${path}`)).json();
  } finally {
    forward.kill();
  }
}

/** Cuts the power of the node of an evaluator and a NATS server, until their replacements work, and then heals it. */
async function loseNode(load: Load): Promise<void> {
  const power = process.env.CLUSTER_POWER;
  if (power === undefined) {
    report("node lost and healed", "skipped: CLUSTER_POWER names no command");
    return;
  }
  const node = await nodeToLose();
  await load.during("node lost and healed", async () => {
    const began = performance.now();
    await succeed(power, ["off", node]);
    try {
      await kubectl("wait", "--for=condition=Ready=Unknown", `node/${node}`, "--timeout=120s");
      report("node lost, noticed after", `${elapsed(began).toFixed(1)} s`);
      await rolledOut("uncouple", EVALUATORS);
      report("node lost, evaluators replaced after", `${elapsed(began).toFixed(1)} s`);
    } finally {
      await succeed(power, ["on", node]);
    }
    const healed = performance.now();
    await kubectl("wait", "--for=condition=Ready", `node/${node}`, "--timeout=120s");
    await rolledOut("uncouple", NATS);
    for (const { namespace, component } of TEAMS) await rolledOut(namespace, `statefulset/trainer-${component}`);
    report("node healed to all ready", `${elapsed(healed).toFixed(1)} s`);
    await published(3);
  });
}

/** A node with an evaluator and, if possible, no trainer, whose volume may not follow it. */
async function nodeToLose(): Promise<string> {
  const nodes = async (namespace: string, component: string) => {
    const selector = `app.kubernetes.io/component=${component}`;
    const path = "{.items[*].spec.nodeName}";
    return (await kubectl("-n", namespace, "get", "pods", "-l", selector, "-o", `jsonpath=${path}`)).split(" ");
  };
  const evaluators = await nodes("uncouple", "evaluator");
  const trainers = (await Promise.all(TEAMS.map(({ namespace }) => nodes(namespace, "trainer")))).flat();
  const node = evaluators.find((one) => !trainers.includes(one)) ?? evaluators[0];
  assert.ok(node !== undefined);
  report("node to lose", trainers.includes(node) ? `${node}, with a trainer` : `${node}, without a trainer`);
  return node;
}

async function restartAll(): Promise<void> {
  const workloads = [
    ["uncouple", NATS],
    ["uncouple", EVALUATORS],
    ...TEAMS.map(({ namespace, component }) => [namespace, `statefulset/trainer-${component}`] as const),
    ["uncouple-m2", "deployment/worker-m2"],
  ] as const;
  for (const [namespace, workload] of workloads) {
    const since = performance.now();
    await kubectl("-n", namespace, "rollout", "restart", workload);
    await kubectl("-n", namespace, "rollout", "status", workload, "--timeout=300s");
    report(`rolling restart of ${workload}`, `${elapsed(since).toFixed(1)} s`);
  }
  await published(3);
}
