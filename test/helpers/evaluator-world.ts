import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../services/common/clock/system-clock.ts";
import type { CounterfactualOracle } from "../../services/data/source/oracle.ts";
import {
  type RunEvaluatorOptions,
  type RunningEvaluator,
  runEvaluator,
} from "../../services/evaluator/run-evaluator.ts";
import type { HostConnector } from "../../services/inference/connect/host-connector.ts";
import type { SnapshotManifest } from "../../services/pipeline/manifest.ts";
import type { Quarantine, Verdict } from "../../services/pipeline/verdict.ts";
import type { Backplane } from "../../services/registry/backplane.ts";
import { connectJetStream } from "../../services/registry/jetstream/backplane.ts";
import type { Logger } from "../../services/runtime/logs.ts";
import { denseBytes, draftFor, twoStage } from "./dense-snapshots.ts";
import type { DraftChange } from "./drafts.ts";
import { testHosts } from "./hosts.ts";
import { silentLog } from "./log.ts";

/** A pipeline of its own on a NATS server, its evaluators, and a publisher of snapshots. */
export interface EvaluatorWorld {
  readonly pipelineFile: string;
  readonly backplane: Backplane;
  /** @param log its log; by default, nobody reads it */
  evaluator(change?: Partial<RunEvaluatorOptions>, hosts?: HostConnector, log?: Logger): Promise<RunningEvaluator>;
  /** Publishes a network, or raw bytes, as a component's next snapshot. */
  publish(
    component: string,
    network: CounterfactualOracle | Uint8Array,
    change?: DraftChange,
  ): Promise<SnapshotManifest>;
  /** Waits until `count` announcements are judged or quarantined and none is pending. */
  settled(count: number): Promise<{ verdicts: readonly Verdict[]; quarantines: readonly Quarantine[] }>;
  close(): Promise<void>;
}

/** @param keys further lines of the pipeline file */
export async function openEvaluatorWorld(
  natsUrl: string,
  name: string,
  rows = 4000,
  keys = "",
): Promise<EvaluatorWorld> {
  const dir = await mkdtemp(join(tmpdir(), "uncouple-evaluator-"));
  const pipelineFile = join(dir, "pipeline.yaml");
  await writeFile(
    pipelineFile,
    `pipeline: ${name}
data: { source: synthetic, generator: two-stage, seed: 11, rows: ${rows}, test_fraction: 0.5 }
components:
  m1: { columns: [x1], output: { name: z, width: 3, meaning: real }, target: z, loss: mse }
  m2: { columns: [x2], upstream: [m1], output: { name: y, width: 1, meaning: scalar }, target: y, loss: mse }
objective: m2
${keys}`,
  );
  const connect = (as: string) => connectJetStream({ clock: systemClock, url: natsUrl, pipeline: name, name: as });
  const backplane = await connect("publisher");
  const running: RunningEvaluator[] = [];
  return {
    pipelineFile,
    backplane,
    async evaluator(change = {}, hosts = testHosts, log = silentLog) {
      const as = change.name ?? "e1";
      const options = { pipelineFile, name: as, host: "127.0.0.1", grpcPort: 0, httpPort: 0, ...change };
      const evaluator = await runEvaluator(options, {
        connect: () => connect(as),
        hosts,
        clock: systemClock,
        log,
      });
      running.push(evaluator);
      return evaluator;
    },
    async publish(component, network, change = {}) {
      const output = component === "m1" ? "z" : "y";
      const bytes = network instanceof Uint8Array ? network : denseBytes(network, output);
      const draft = await draftFor({ ...twoStage, name }, component, change);
      return backplane.registry.publish(draft, bytes, "any");
    },
    async settled(count) {
      const queue = backplane.workQueue("evaluator");
      for (;;) {
        const verdicts = await backplane.verdicts.list();
        const quarantines = await backplane.quarantines.list();
        const done = verdicts.length + quarantines.length >= count;
        if (done && (await queue.pending()) === 0) return { verdicts, quarantines };
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    },
    async close() {
      await Promise.all(running.map((evaluator) => evaluator.stop()));
      await backplane.close();
      await rm(dir, { recursive: true, force: true });
    },
  };
}
