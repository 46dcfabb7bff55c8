import { afterAll, beforeAll, expect, test } from "vitest";
import { systemClock } from "../../../services/common/clock/system-clock.ts";
import { connectJetStream } from "../../../services/registry/jetstream/backplane.ts";
import { openRawLogs } from "../../../services/registry/jetstream/raw-logs.ts";
import { draft, model, verdict } from "../../helpers/drafts.ts";
import { startTestNats, type TestNats } from "../../helpers/nats-server.ts";
import { connectRaw } from "../../helpers/raw-nats.ts";

const pipeline = "raw";
let server: TestNats;
beforeAll(async () => {
  server = await startTestNats();
});
afterAll(() => server.stop());

test("the raw logs have every message, also those that a backplane leaves out", async () => {
  const options = { url: server.url, pipeline, clock: systemClock, name: "test" };
  const backplane = await connectJetStream({ ...options, maxStoreBytes: 64 * 1024 ** 2 });
  const raw = await connectRaw(server.url);
  const logs = await openRawLogs({ ...options, log() {} });
  try {
    expect(await logs.announcements(1)).toEqual([]);
    const manifest = await backplane.registry.publish(draft({ pipeline }), model(100, 1), null);
    const one = verdict("m1", 1, { pipeline });
    await backplane.verdicts.append(one);
    // Another writer that does not look first, and one that does not know the format.
    const js = raw.nc.jetstream();
    await js.publish(`uncouple.${pipeline}.verdicts.m1.1`, JSON.stringify({ ...one, kind: "degraded" }));
    await js.publish(`uncouple.${pipeline}.quarantines.m1.2`, "no JSON");
    expect((await backplane.verdicts.list()).length).toBe(1);

    expect(await logs.announcements(1)).toEqual([{ position: 1, component: "m1", serial: 1, value: manifest }]);
    expect((await logs.verdicts(1)).map(({ position, serial, value }) => [position, serial, value?.kind])).toEqual([
      [1, 1, one.kind],
      [2, 1, "degraded"],
    ]);
    expect((await logs.verdicts(2)).map(({ position }) => position)).toEqual([2]);
    expect(await logs.quarantines(1)).toEqual([{ position: 1, component: "m1", serial: 2, value: undefined }]);
    expect(await logs.quarantines(2)).toEqual([]);
  } finally {
    await logs.close();
    await raw.close();
    await backplane.close();
  }
});
