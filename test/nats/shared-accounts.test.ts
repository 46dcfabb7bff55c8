import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { SnapshotManifest } from "../../services/pipeline/manifest.ts";
import type { Neighbor } from "../../services/registry/backplane.ts";
import type { JetStreamBackplane } from "../../services/registry/jetstream/backplane.ts";
import { cli } from "../helpers/cli.ts";
import { draft, model, release } from "../helpers/drafts.ts";
import { type AccountsNats, startAccountsNats } from "../helpers/nats-accounts.ts";
import { natsVersions } from "../helpers/nats-versions.ts";
import { take } from "../helpers/take.ts";

/** Uses m1 of the pipeline `demo`. */
const USING = `pipeline: using
data: { source: synthetic, generator: two-stage, seed: 11, rows: 2000, test_fraction: 0.5 }
components:
  z: { from: demo/m1 }
  m2: { columns: [x2], upstream: [z], output: { name: y, width: 1, meaning: scalar }, target: y, loss: mse }
`;
const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => "done",
    (thrown: { readonly code?: string }) => thrown.code,
  );

describe.each(await natsVersions())("nats-server $version, accounts of two pipelines", (version) => {
  let server: AccountsNats;
  let operator: JetStreamBackplane;
  let evaluator: JetStreamBackplane;
  let team: JetStreamBackplane;
  let owner: Neighbor;
  let original: SnapshotManifest;
  const bytes = model(1, 1_300_000);

  beforeAll(async () => {
    server = await startAccountsNats(version, { tls: false, maxFile: "8GB" });
    const { dir, url } = server;
    await writeFile(join(dir, "using.yaml"), USING);
    const locked = await cli(["pipeline", "lock", "using.yaml", "--owner", "demo=pipeline.yaml"], { cwd: dir });
    expect(locked).toMatchObject({ code: 0 });
    await server.reload("--with", "using.yaml", "--force");
    const access = ["--nats", url, "--nats-nkey", server.keyFile("operator")];
    const applied = await cli(["pipeline", "apply", "using.yaml", ...access], { cwd: dir });
    expect(applied).toMatchObject({ code: 0, stderr: "" });
    operator = await server.open("operator");
    const m1 = await server.open("m1");
    original = await m1.registry.publish(draft({ component: "m1" }), bytes, null);
    evaluator = await server.open("using/evaluator", { pipeline: "using" });
    team = await server.open("using/m2", { pipeline: "using" });
    owner = await evaluator.neighbor("demo");
  });
  afterAll(() => server.stop());

  test("an evaluator refers to another pipeline's snapshot and links it, and a team reads its model", async () => {
    const { component, serial } = original;
    await owner.retention.refer({ component, serial, by: "using", holder: "using/z demo/m1@1" });
    expect((await operator.retention.state()).references).toHaveLength(1);
    const origin = { pipeline: "demo", component, serial };
    const all = await server.open("operator", { pipeline: "using" });
    const linked = draft({ pipeline: "using", component: "z", provenance: { origin } });
    const manifest = await evaluator.registry.link(linked, original, null);
    for (const { registry } of [evaluator, team, all]) {
      expect(Buffer.compare(await registry.bytes(manifest), bytes)).toBe(0);
    }
    await owner.retention.release("using/z demo/m1@1");
    expect((await operator.retention.state()).references).toEqual([]);
  });

  test("an evaluator hears of another pipeline's releases", async () => {
    const watched = take(owner.ledger.watch(0, new AbortController().signal), 1);
    await operator.ledger.append(release(1));
    expect(await watched).toMatchObject([{ value: { number: 1 } }]);
  });

  test("nobody else writes into another pipeline, and evaluators write references only", async () => {
    const { component, serial } = original;
    const reference = { component, serial, by: "using", holder: "team" };
    const others = await team.neighbor("demo");
    expect(await codeOf(others.retention.refer(reference))).toBe("failed-precondition");
    expect(await codeOf(owner.retention.refer({ ...reference, by: "another" }))).toBe("failed-precondition");
    expect(await codeOf(owner.retention.pin("run", { m1: 1 }))).toBe("failed-precondition");
    expect(await codeOf(owner.retention.pin("run", { m1: 1 }, "m2"))).toBe("failed-precondition");
    expect(await codeOf(owner.registry.publish(draft({ component: "m1" }), bytes, "any"))).toBe("failed-precondition");
    expect(await codeOf(owner.ledger.append(release(2)))).toBe("failed-precondition");
    const owners = await server.open("evaluator");
    expect(await codeOf(owners.neighbor("using"))).toBe("failed-precondition");
    expect((await operator.retention.state()).references).toEqual([]);
  });
});
