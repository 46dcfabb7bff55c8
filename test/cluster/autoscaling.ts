import { setTimeout as sleep } from "node:timers/promises";
import { attempt, succeed } from "../helpers/run-program.ts";
import { withDeployment, workerManifest } from "./deployment.ts";
import { elapsed, eventually, inPod, kubectl, report, rolledOut } from "./kubectl.ts";
import { publishedBy } from "./load.ts";
import { writeTeams } from "./production.ts";

const WORKERS = "deployment/worker-m2";

/** KEDA at work: evaluators by the announcements that wait, and workers from none to three and back. */
export async function runAutoscaling(): Promise<void> {
  const needs = { keda: "deployment/keda-operator", monitoring: "service/prometheus-operated" };
  for (const [namespace, what] of Object.entries(needs)) {
    if ((await attempt("kubectl", ["-n", namespace, "get", what])).code === 0) continue;
    report("autoscaling", `skipped: needs ${what} in namespace ${namespace}`);
    return;
  }
  await withDeployment(async (deployment) => {
    const { home, scaffold, edit } = deployment;
    const commands = [
      ...(await scaffold("pipeline")),
      ...(await scaffold("team", "m1")),
      ...(await scaffold("team", "m2", "--workers", "3")),
    ];
    await scaffold("nats", "--out", "d/accounts");
    // The nodes of a test are small.
    await edit(workerManifest, (text) => text.replace('cpu: "1"', "cpu: 100m"));
    // Long enough that workers come while it runs.
    await writeTeams(
      deployment,
      "model: { hidden: [256, 256] }\nbatch: 256\nsteps: 3000\nworkers: { slots: 3, sync_every: 50 }\n",
    );
    await succeed("sh", ["-ec", `cd "$1"\n${commands.join("\n")}`, "sh", home]);
    await rolledOut("uncouple", "statefulset/nats");
    await rolledOut("uncouple-m1", "statefulset/trainer-m1");
    await rolledOut("uncouple-m2", "statefulset/trainer-m2");
  });
  await scaleEvaluators();
  await scaleWorkers();
}

async function replicas(namespace: string, workload: string): Promise<number> {
  const count = await kubectl("-n", namespace, "get", workload, "-o", "jsonpath={.spec.replicas}");
  return Number(count);
}

const becomes = (namespace: string, workload: string, limitSeconds: number, fits: (count: number) => boolean) =>
  eventually(`another number of replicas of ${workload}`, limitSeconds, async () => {
    const count = await replicas(namespace, workload);
    return fits(count) ? count : undefined;
  });

/** Lets announcements wait while there is no evaluator: when KEDA decides again, it wants more than the minimum. */
async function scaleEvaluators(): Promise<void> {
  const annotate = (value: string) =>
    kubectl("-n", "uncouple", "annotate", "scaledobject", "evaluator", "--overwrite", `autoscaling.keda.sh/${value}`);
  const minimum = await becomes("uncouple", "deployment/evaluator", 120, (count) => count === 2);
  await annotate("paused-replicas=0");
  await becomes("uncouple", "deployment/evaluator", 120, (count) => count === 0);
  // More than two evaluators judge between two looks of KEDA.
  const waiting = 60;
  let snapshots = 0;
  while (snapshots < waiting) snapshots += (await publishedBy("uncouple-m1", "m1")).length;
  const began = performance.now();
  await annotate("paused-replicas-");
  const most = await becomes("uncouple", "deployment/evaluator", 180, (count) => count > minimum);
  report("evaluators by KEDA", `from 0 to ${most} for ${snapshots} announcements in ${elapsed(began).toFixed(0)} s`);
  await eventually("every verdict", 240, async () => {
    const command = ["uncouple", "verdicts", "m1", "--evaluator", "localhost:50051", "--json"];
    const { code, stdout } = await inPod("uncouple", "deployment/evaluator", ...command);
    return code === 0 && JSON.parse(stdout).length >= snapshots ? true : undefined;
  });
  report("every announcement judged", `${elapsed(began).toFixed(0)} s`);
}

async function scaleWorkers(): Promise<void> {
  await becomes("uncouple-m2", WORKERS, 180, (count) => count === 0);
  const began = performance.now();
  const start = ["uncouple", "train", "m2", "--trainer", "localhost:50051", "--json"];
  const { stdout } = await inPod("uncouple-m2", "trainer-m2-0", ...start);
  const { id }: { readonly id: string } = JSON.parse(stdout);
  const seen = new Set<number>();
  await becomes("uncouple-m2", WORKERS, 180, (count) => count > 0);
  report("workers by KEDA, from 0 to the first", `${elapsed(began).toFixed(0)} s`);
  await eventually(`the end of run ${id}`, 600, async () => {
    seen.add(await replicas("uncouple-m2", WORKERS));
    await sleep(1_000);
    const { code, stdout } = await inPod(
      "uncouple-m2",
      "trainer-m2-0",
      "uncouple",
      "runs",
      id,
      "--trainer",
      "localhost:50051",
      "--json",
    );
    return code === 0 && JSON.parse(stdout).state === "succeeded" ? true : undefined;
  });
  report("workers by KEDA, at most", String(Math.max(...seen)));
  const ended = performance.now();
  await becomes("uncouple-m2", WORKERS, 400, (count) => count === 0);
  report("workers by KEDA, to 0 after the run", `${elapsed(ended).toFixed(0)} s`);
}
