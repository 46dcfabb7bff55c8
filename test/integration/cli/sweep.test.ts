import { expect, test } from "vitest";
import { natsServerVersion } from "../../../services/cli/stack/durability.ts";
import { systemClock } from "../../../services/common/clock/system-clock.ts";
import { cli } from "../../helpers/cli.ts";
import { draft, model } from "../../helpers/drafts.ts";
import { startAccountsNats } from "../../helpers/nats-accounts.ts";
import { natsServerBinary } from "../../helpers/nats-server.ts";

const HOUR = 3_600_000;

test("sweep removes the unfinished uploads of teams with the operator's key, six hours later", async () => {
  const binary = await natsServerBinary();
  const server = await startAccountsNats({ binary, version: (await natsServerVersion(binary)) ?? "" }, { tls: false });
  const sweep = (user: string, hours: number, ...flags: readonly string[]) =>
    cli(["sweep", "--nats", server.url, "--pipeline", "demo", "--nats-nkey", server.keyFile(user), ...flags], {
      clock: { ...systemClock, now: () => systemClock.now() + hours * HOUR },
    });
  const m1 = await server.open("m1");
  const kept = await m1.registry.publish(draft(), model(1, 600_000), null);
  const team = await server.raw("m1");
  await team.request("$O.uncouple-demo-models.C.m1.ENDED", model(2, 1000));

  const early = await sweep("operator", 5);
  expect(early).toEqual({
    code: 0,
    stdout: "removed 0 unfinished uploads from the model store of demo\n",
    stderr: "",
  });
  const dry = await sweep("m1", 7, "--dry-run");
  expect(dry.stdout).toBe("m1.ENDED\nwould remove 1 unfinished uploads from the model store of demo\n");
  const refused = await sweep("m1", 7);
  expect(refused).toEqual({
    code: 5,
    stdout: "",
    stderr: `uncouple: the account at ${server.url} may not remove uploads of others; use the operator's key\n`,
  });
  const swept = await sweep("operator", 7, "--json");
  expect(JSON.parse(swept.stdout)).toEqual({ dryRun: false, pipeline: "demo", removed: ["m1.ENDED"] });
  expect(JSON.parse((await sweep("operator", 7, "--json")).stdout)).toMatchObject({ removed: [] });
  expect(Buffer.compare(await m1.registry.bytes(kept), model(1, 600_000))).toBe(0);
  await server.stop();
});
