import { expect, test } from "vitest";
import { measureStores, type StoreReport } from "../../../services/cli/doctor/stores.ts";
import { systemClock } from "../../../services/common/clock/system-clock.ts";
import { connectJetStream } from "../../../services/registry/jetstream/backplane.ts";
import { draft, model } from "../../helpers/drafts.ts";
import { startTestNats } from "../../helpers/nats-server.ts";

test("doctor tells how full a pipeline's model store is, and that it fills up", async () => {
  const server = await startTestNats();
  const pipeline = "filling";
  const backplane = await connectJetStream({
    clock: systemClock,
    url: server.url,
    pipeline,
    name: "test",
    maxStoreBytes: 2_000_000,
  });
  const measure = (name: string): Promise<readonly StoreReport[]> =>
    measureStores({ nats: server.url, pipeline: name }, { env: {}, cwd: ".", clock: systemClock });
  expect(await measure(pipeline)).toMatchObject([{ used: 0, limit: 2_000_000, fillsUp: false }]);
  for (let run = 0; run < 2; run++) await backplane.registry.publish(draft({ pipeline }), model(run, 850_000), "any");
  const [report] = await measure(pipeline);
  expect(report).toMatchObject({
    store: expect.stringContaining("model store of filling"),
    limit: 2_000_000,
    fillsUp: true,
    detail: expect.stringContaining("raise --max-store-bytes, or delete old models with uncouple gc"),
  });
  expect(report?.used).toBeGreaterThan(1_700_000);
  expect(await measure("other")).toMatchObject([{ fillsUp: null, detail: expect.stringContaining("no pipeline") }]);
  const { models, server: all } = await backplane.usage();
  expect(models).toEqual({ used: report?.used, limit: 2_000_000 });
  expect(all.used).toBeGreaterThan(models.used);
  await backplane.close();
  await server.stop();
});
