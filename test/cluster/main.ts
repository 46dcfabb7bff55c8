/**
 * Deploys the paper's pipeline to the cluster of KUBECONFIG and disturbs it: `npm run test:cluster`, or one part of it,
 * `npm run test:cluster -- laptop`, `production` or `autoscaling`. The cluster must have the images of the manifests, a default storage class and
 * a network plugin that enforces NetworkPolicies. It must not have the namespaces uncouple, uncouple-m1 or uncouple-m2, which
 * are deleted at the end. CLUSTER_POWER names a command that takes `off NODE` and `on NODE`; without it, no node is lost.
 */

import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { asUncoupleError, UncoupleError } from "../../services/common/errors.ts";
import { exitCodes } from "../../services/runtime/exit-codes.ts";
import { packageInfo } from "../../services/runtime/package-info.ts";
import { attempt } from "../helpers/run-program.ts";
import { runAutoscaling } from "./autoscaling.ts";
import { withDeployment } from "./deployment.ts";
import {
  elapsed,
  eventually,
  inPod,
  kubectl,
  reach,
  report,
  restarted,
  rolledOut,
  serials,
  train,
  verdictOn,
  verdicts,
} from "./kubectl.ts";
import { PRODUCTION_NAMESPACES, runProduction } from "./production.ts";
import { addTeam, useWorkers } from "./teams.ts";

const { root } = packageInfo();
const overlays = join(root, "deploy/k8s/overlays");

async function requireCluster(): Promise<void> {
  const missing = (what: string) => new UncoupleError("failed-precondition", what);
  if ((await attempt("kubectl", ["version", "--client"])).code !== 0) throw missing("kubectl not found; install it");
  if ((process.env.KUBECONFIG ?? "") === "") throw missing("KUBECONFIG is not set; name the cluster to test on");
  const { code, stderr } = await attempt("kubectl", ["get", "nodes"]);
  if (code !== 0) throw missing(`the cluster of KUBECONFIG does not answer: ${stderr.trim().split("\n")[0]}`);
  const names = (await kubectl("get", "namespaces", "-o", "jsonpath={.items[*].metadata.name}")).split(" ");
  const taken = PRODUCTION_NAMESPACES.filter((name) => names.includes(name));
  if (taken.length > 0) throw missing(`the cluster has the namespace ${taken.join(", ")}; delete it first`);
}

/** The API server takes every object of every overlay, and refuses a misspelt key. */
async function validateStrictly(): Promise<void> {
  const began = performance.now();
  for (const namespace of PRODUCTION_NAMESPACES) await kubectl("create", "namespace", namespace);
  const dryRun = (...args: string[]) => attempt("kubectl", ["apply", "--dry-run=server", "--validate=strict", ...args]);
  const knows = async (kind: string) => (await attempt("kubectl", ["get", "crd", kind])).code === 0;
  for (const overlay of ["laptop", "production"]) {
    if (overlay === "production" && !(await knows("scaledobjects.keda.sh"))) {
      report("production, strictly validated", "skipped: the cluster does not know ScaledObject (KEDA)");
      continue;
    }
    const { code, stdout, stderr } = await dryRun("-k", join(overlays, overlay));
    assert.equal(code, 0, stderr);
    report(`${overlay}, strictly validated`, `${stdout.trim().split("\n").length} objects`);
  }
  if (await knows("certificates.cert-manager.io")) {
    await withDeployment(async ({ folder, scaffold, withoutAutoscaler }) => {
      await scaffold("pipeline", "--autoscaler", "none", "--certificates", "cert-manager");
      await scaffold("team", "m2", "--workers", "3", "--certificates", "cert-manager");
      await scaffold("nats", "--out", "d/accounts");
      await withoutAutoscaler("m2");
      for (const part of ["platform", "teams/m2"]) {
        const { code, stderr } = await dryRun("-k", join(folder, part));
        assert.equal(code, 0, stderr);
      }
    });
    report("with cert-manager, strictly validated", "platform and a team");
  } else {
    report("with cert-manager, strictly validated", "skipped: the cluster does not know Certificate");
  }
  const folder = await mkdtemp(join(tmpdir(), "uncouple-cluster-"));
  const text = await kubectl("kustomize", join(overlays, "laptop"));
  const file = join(folder, "planted.yaml");
  await writeFile(file, text.replace("readinessProbe:", "redinessProbe:"));
  const planted = await dryRun("-f", file);
  assert.match(planted.stderr, /unknown field .*redinessProbe/);
  await rm(folder, { recursive: true });
  report("planted misspelling", `refused; ${elapsed(began).toFixed(0)} s`);
}

async function tellStory(): Promise<void> {
  const began = performance.now();
  await kubectl("apply", "--validate=strict", "-k", join(overlays, "laptop"));
  await rolledOut(
    "uncouple",
    "statefulset/nats",
    "statefulset/trainer-m1",
    "statefulset/trainer-m2",
    "deployment/evaluator",
  );
  report("kubectl apply to all ready", `${elapsed(began).toFixed(1)} s`);
  await train("uncouple", "m1");
  await verdictOn("m1", 1);
  report("kubectl apply to the first verdict", `${elapsed(began).toFixed(1)} s`);
  await train("uncouple", "m2");
  await train("uncouple", "m1", "--team", "/app/examples/paper/m1-consistent.yaml");
  assert.equal((await verdictOn("m1", 2)).kind, "self-defeating");
  report("kubectl apply to the paper's verdict", `${elapsed(began).toFixed(1)} s`);
  assert.deepEqual(await restarted("uncouple"), []);
  report("restarts", "0");
  const done = await kubectl(
    "-n",
    "uncouple",
    "get",
    "jobs",
    "bootstrap",
    "--ignore-not-found",
    "-o",
    "jsonpath={.status.succeeded}",
  );
  assert.ok(["", "1"].includes(done), "the bootstrap Job did not succeed");
}

/** NetworkPolicies admit what is needed and refuse the rest. */
async function checkFlows(): Promise<void> {
  const forbidden = [
    "trainer-m2.uncouple:50051",
    "evaluator.uncouple:50051",
    "nats-headless.uncouple:8222",
    "kubernetes.default:443",
  ];
  const [nats, ...others] = await reach("uncouple", "trainer-m1-0", ["nats.uncouple:4222", ...forbidden]);
  assert.equal(nats, "connected");
  assert.deepEqual(
    others.filter((one) => one === "connected"),
    [],
  );
  report("forbidden flows", `${others.length} of ${forbidden.length} refused`);
}

/** Restarts everything, one after the other, while a team publishes. */
async function restartUnderLoad(): Promise<void> {
  const began = performance.now();
  const before = (await serials("m2")).length;
  const start = ["uncouple", "train", "m2", "--trainer", "localhost:50051"];
  let started = 0;
  let stop = false;
  const publishing = (async () => {
    while (!stop) if ((await inPod("uncouple", "trainer-m2-0", ...start)).code === 0) started += 1;
  })();
  const workloads = ["deployment/evaluator", "statefulset/nats", "statefulset/trainer-m2", "statefulset/trainer-m1"];
  try {
    for (const workload of workloads) {
      const since = performance.now();
      await kubectl("-n", "uncouple", "rollout", "restart", workload);
      await rolledOut("uncouple", workload);
      report(`rolling restart of ${workload}`, `${elapsed(since).toFixed(1)} s`);
    }
  } finally {
    stop = true;
    await publishing;
  }
  const wanted = before + started;
  await eventually(`${wanted} snapshots of m2`, 180, async () =>
    (await serials("m2")).length >= wanted ? true : undefined,
  );
  // A run whose acceptance a restart cut off counts, too.
  await eventually("the end of every run", 60, async () => {
    const { stdout } = await inPod(
      "uncouple",
      "trainer-m2-0",
      "uncouple",
      "runs",
      "--trainer",
      "localhost:50051",
      "--json",
    );
    const states: readonly { readonly state: string }[] = JSON.parse(stdout || "[]");
    return states.every(({ state }) => state === "succeeded") ? true : undefined;
  });
  const found = await serials("m2");
  assert.deepEqual(
    found,
    found.map((_, index) => index + 1),
  );
  await judgedOnce(found.length);
  report("runs accepted, published and judged once", `${started} in ${elapsed(began).toFixed(0)} s`);
}

async function judgedOnce(snapshots: number): Promise<void> {
  await eventually("every verdict", 120, async () => {
    const all = (await verdicts()).filter(({ component }) => component === "m2").map(({ serial }) => serial);
    assert.equal(new Set(all).size, all.length, "a snapshot was judged twice");
    return all.length === snapshots ? true : undefined;
  });
}

async function scaleEvaluators(): Promise<void> {
  const began = performance.now();
  await kubectl("-n", "uncouple", "scale", "deployment/evaluator", "--replicas=3");
  await rolledOut("uncouple", "deployment/evaluator");
  report("evaluators from 2 to 3", `${elapsed(began).toFixed(1)} s`);
  const [count] = [(await serials("m2")).length];
  for (let run = 1; run <= 3; run += 1) await train("uncouple", "m2");
  await judgedOnce(count + 3);
  await kubectl("-n", "uncouple", "scale", "deployment/evaluator", "--replicas=2");
}

/** Drains the node of an evaluator: the others keep judging, and everything comes back. */
async function drainNode(): Promise<void> {
  const nodes = (await kubectl("get", "nodes", "-o", "jsonpath={.items[*].metadata.name}")).split(" ");
  if (nodes.length < 2) {
    report("node drained", "skipped: the cluster has one node");
    return;
  }
  const path = "{.items[0].spec.nodeName}";
  const selector = "app.kubernetes.io/component=evaluator";
  const node = await kubectl("-n", "uncouple", "get", "pods", "-l", selector, "-o", `jsonpath=${path}`);
  const began = performance.now();
  try {
    await kubectl(
      "drain",
      node,
      "--ignore-daemonsets",
      "--delete-emptydir-data",
      "--timeout=150s",
      "--pod-selector",
      selector,
    );
    await rolledOut("uncouple", "deployment/evaluator");
    report("evaluators' node drained, replaced elsewhere", `${elapsed(began).toFixed(1)} s`);
    const count = (await serials("m1")).length;
    await train("uncouple", "m1");
    await verdictOn("m1", count + 1);
  } finally {
    await kubectl("uncordon", node);
  }
}

async function runLaptop(): Promise<void> {
  await validateStrictly();
  await tellStory();
  await checkFlows();
  await restartUnderLoad();
  await scaleEvaluators();
  await drainNode();
  await addTeam();
  await useWorkers();
}

const parts: Readonly<Record<string, () => Promise<void>>> = {
  laptop: runLaptop,
  production: runProduction,
  autoscaling: runAutoscaling,
};

try {
  const wanted = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(parts);
  const unknown = wanted.find((name) => parts[name] === undefined);
  if (unknown !== undefined)
    throw new UncoupleError("invalid-argument", `no part "${unknown}"; available: ${Object.keys(parts).join(", ")}`);
  await requireCluster();
  for (const part of wanted) {
    try {
      await parts[part]?.();
    } finally {
      await kubectl("delete", "namespace", ...PRODUCTION_NAMESPACES, "--ignore-not-found", "--timeout=180s");
    }
  }
  console.log("test:cluster: passed");
} catch (thrown) {
  const { code, message } = asUncoupleError(thrown);
  console.error(`test:cluster: ${message}`);
  process.exitCode = exitCodes[code];
}
