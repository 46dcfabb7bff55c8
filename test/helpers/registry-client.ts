import { systemClock } from "../../services/common/clock/system-clock.ts";
import { collectGarbage } from "../../services/composition/collect-garbage.ts";
import { withPipelineView } from "../../services/composition/pipeline-view.ts";
import { connectJetStream } from "../../services/registry/jetstream/backplane.ts";
import { draft, model } from "./drafts.ts";

/**
 * A process of its own for tests to kill: `publish` a large model, `work` on an item forever, `hold` a lease, or `delete`
 * models until it is killed, without purging them.
 * It says `ready` when it has begun.
 */
const [what, url = "", pipeline = ""] = process.argv.slice(2);
const never = new AbortController().signal;
const backplane = await connectJetStream({
  clock: systemClock,
  url,
  pipeline,
  name: "victim",
  maxStoreBytes: 512 * 1024 ** 2,
});
setInterval(() => {}, 1_000);
const hang = async () => {
  console.log("ready");
  return new Promise<never>(() => {});
};
if (what === "publish") {
  const bytes = model(9, 128 * 1024 ** 2);
  console.log("ready");
  await backplane.registry.publish(draft({ pipeline, runId: "victim" }), bytes, "any");
  console.log("published");
} else if (what === "work") {
  for await (const item of backplane.workQueue("evaluators").items(never)) {
    console.log("ready", item.delivery);
    await new Promise(() => {});
  }
} else if (what === "delete") {
  // As a collection that dies between the tombstones and the purge.
  await withPipelineView({ backplane, clock: systemClock }, never, (view, signal) => {
    const stuck = { ...backplane, retention: { ...backplane.retention, purge: () => hang() } };
    const policy = { keep: 1, champions: 0 };
    return collectGarbage({ pipeline, policy, by: "victim", backplane: stuck, view, clock: systemClock }, signal);
  });
} else {
  await backplane.leases.acquire("training", "victim", never);
  console.log("ready");
}
