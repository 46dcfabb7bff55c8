import assert from "node:assert/strict";
import { cp, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { packageInfo } from "../../services/runtime/package-info.ts";
import { type Deployment, examples, withDeployment, workerManifest } from "./deployment.ts";
import {
  elapsed,
  eventually,
  gauge,
  inPod,
  kubectl,
  reach,
  report,
  rolledOut,
  serials,
  train,
  verdictOn,
} from "./kubectl.ts";

const { root, version } = packageInfo();
const NAMESPACE = "uncouple-m2";

/** Calls `work` with a folder where `uncouple scaffold` has written the team of m2, for the NATS server of the laptop. */
async function withTeam(hardware: readonly string[], work: (deployment: Deployment) => Promise<void>): Promise<void> {
  await withDeployment(async (deployment) => {
    await deployment.scaffold("pipeline", "--autoscaler", "none");
    await deployment.scaffold("team", "m2", ...hardware);
    await deployment.edit("shared/kustomization.yaml", (text) =>
      text
        .replace(/NATS_URL=\S+/, "NATS_URL=nats://nats.uncouple:4222")
        .replace(/^.*(NATS_NKEY|NATS_CA|UNCOUPLE_TLS_\w+)=.*\n/gm, ""),
    );
    await work(deployment);
  });
}

async function applyTeam(folder: string): Promise<void> {
  await kubectl("apply", "--validate=strict", "-k", join(folder, "teams/m2"));
  await rolledOut(NAMESPACE, "statefulset/trainer-m2");
}

/** Moves m2 to a team of its own, scaffolded on an earlier base, and upgrades that by one line. */
export async function addTeam(): Promise<void> {
  await kubectl("delete", "-k", join(root, "deploy/k8s/overlays/laptop/teams/m2"));
  await withTeam([], async ({ folder, edit }) => {
    await cp(join(examples, "m2-causal.yaml"), join(folder, "teams/m2/team.yaml"));
    await cp(join(folder, "uncouple", version), join(folder, "uncouple/earlier"), { recursive: true });
    await edit("uncouple/earlier/base/team/trainer.yaml", (text) => text.replace("cpu: 250m", "cpu: 150m"));
    const overlay = "teams/m2/kustomization.yaml";
    await edit(overlay, (text) => text.replace(`uncouple/${version}/`, "uncouple/earlier/"));

    const began = performance.now();
    await applyTeam(folder);
    report("scaffolded team, apply to ready", `${elapsed(began).toFixed(1)} s`);
    const count = (await serials("m2")).length;
    await train(NAMESPACE, "m2");
    await verdictOn("m2", count + 1);

    const upgraded = performance.now();
    await edit(overlay, (text) => text.replace("uncouple/earlier/", `uncouple/${version}/`));
    await applyTeam(folder);
    const list = ["uncouple", "runs", "--trainer", "localhost:50051", "--json"];
    const { stdout } = await inPod(NAMESPACE, "trainer-m2-0", ...list);
    assert.equal(JSON.parse(stdout).length, 1, "the upgraded trainer lost its runs");
    await train(NAMESPACE, "m2");
    await verdictOn("m2", count + 2);
    report("team upgraded by one line", `${elapsed(upgraded).toFixed(1)} s`);

    const flows = ["nats.uncouple:4222", "trainer-m1.uncouple:50051"];
    const [nats, other] = await reach(NAMESPACE, "trainer-m2-0", flows);
    assert.equal(nats, "connected");
    assert.notEqual(other, "connected");

    const m1 = (await serials("m1")).length;
    await train("uncouple", "m1", "--team", "/app/examples/paper/m1-initial.yaml");
    await train("uncouple", "m1", "--team", "/app/examples/paper/m1-consistent.yaml");
    assert.equal((await verdictOn("m1", m1 + 2)).kind, "improved");
    report("the same update of m1 with the causal m2", "improved");
  });
}

/** A training is divided among workers that come, are killed and go: from 0 to 3, to 2, to 0. */
export async function useWorkers(): Promise<void> {
  await withTeam(["--workers", "3"], async ({ folder, edit, withoutAutoscaler }) => {
    // The nodes of a test are small.
    await edit(workerManifest, (text) => text.replace('cpu: "1"', "cpu: 100m"));
    const team = "component: m2\nmodel: { hidden: [256, 256] }\nbatch: 256\nsteps: 800\n";
    await writeFile(join(folder, "teams/m2/team.yaml"), `${team}workers: { slots: 6, sync_every: 50 }\n`);
    await withoutAutoscaler("m2");
    await applyTeam(folder);
    const scale = (count: number) => kubectl("-n", NAMESPACE, "scale", "deployment/worker-m2", `--replicas=${count}`);
    await scale(0);
    const present = (count: number) =>
      eventually(`${count} workers present`, 90, async () =>
        (await gauge(NAMESPACE, "trainer-m2-0", "uncouple_workers_present")) === count ? true : undefined,
      );
    const began = performance.now();
    const training = train(NAMESPACE, "m2");
    await eventually("units that wait", 60, async () =>
      (await gauge(NAMESPACE, "trainer-m2-0", "uncouple_worker_units_waiting")) > 0 ? true : undefined,
    );
    const scaled = performance.now();
    await scale(3);
    await present(3);
    report("workers from 0 to 3, all at work", `${elapsed(scaled).toFixed(1)} s`);
    const selector = "app.kubernetes.io/component=worker";
    const [worker = ""] = (await kubectl("-n", NAMESPACE, "get", "pods", "-l", selector, "-o", "name")).split("\n");
    await kubectl("-n", NAMESPACE, "delete", worker, "--grace-period=0", "--force");
    await scale(0);
    await present(0);
    await training;
    report("one killed, then to 0; the run published", `${elapsed(began).toFixed(0)} s`);
  });
}
