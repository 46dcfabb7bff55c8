import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { collect } from "../../services/registry/logged.ts";
import { cli } from "../helpers/cli.ts";
import { draft, model, release, verdict } from "../helpers/drafts.ts";
import { type AccountsNats, startAccountsNats } from "../helpers/nats-accounts.ts";
import { natsVersions } from "../helpers/nats-versions.ts";

describe.each(await natsVersions())("nats-server $version, releases by hand with accounts", (version) => {
  let server: AccountsNats;
  beforeAll(async () => {
    server = await startAccountsNats(version, { tls: false });
    const team = await server.open("m1");
    const evaluator = await server.open("evaluator");
    for (const serial of [1, 2]) {
      await team.registry.publish(draft(), model(serial), "any");
      await evaluator.verdicts.append(verdict("m1", serial));
    }
    await evaluator.ledger.append(release(1));
  });
  afterAll(() => server.stop());

  const run = (user: string, ...args: readonly string[]) =>
    cli([...args, "--nats", server.url, "--pipeline", "demo", "--nats-nkey", server.keyFile(user)], {
      env: { USER: "ada" },
    });

  test("an operator may release, roll back, hold and resume", async () => {
    expect(await run("operator", "hold", "m1@2")).toMatchObject({ code: 0, stderr: "" });
    expect(await run("operator", "resume", "m1@2")).toMatchObject({ code: 0, stderr: "" });
    expect(await run("operator", "promote", "m1@2")).toMatchObject({
      code: 0,
      stdout: "release 2: m1@2 in use, pinned: m1\n",
    });
    expect(await run("operator", "rollback")).toMatchObject({
      code: 0,
      stdout: expect.stringContaining("release 3: "),
    });
  });

  test("a team may look, and nothing else: one line names the right that its key lacks", async () => {
    for (const look of [["status"], ["releases"], ["release"], ["decisions"], ["gate"]]) {
      expect(await run("m1", ...look)).toMatchObject({ code: 0 });
    }
    const { ledger } = await server.open("operator");
    const before = await collect(ledger.read(0));
    for (const [line, right] of [
      ["promote m1@2", "pin models"],
      ["rollback --to 2", "pin models"],
      ["hold m1@2", "write orders"],
    ] as const) {
      const { code, stdout, stderr } = await run("m1", ...line.split(" "));
      expect({ code, stdout }).toEqual({ code: 5, stdout: "" });
      expect(stderr).toMatch(new RegExp(`^uncouple: [^\\n]*${right}[^\\n]*\\n$`));
    }
    expect(await collect(ledger.read(0))).toEqual(before);
  });
});
