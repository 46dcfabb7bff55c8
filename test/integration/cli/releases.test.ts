import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { systemClock } from "../../../services/common/clock/system-clock.ts";
import { DEFAULT_GATE, type FreezeWindow, type GatePolicy } from "../../../services/pipeline/gate.ts";
import type { LedgerEntry, Release } from "../../../services/pipeline/release.ts";
import { connectJetStream, type JetStreamBackplane } from "../../../services/registry/jetstream/backplane.ts";
import { collect } from "../../../services/registry/logged.ts";
import { cli } from "../../helpers/cli.ts";
import { decision, draft, generation, model, quarantine, release, served, verdict } from "../../helpers/drafts.ts";
import { freePort } from "../../helpers/free-port.ts";
import { startTestNats, type TestNats } from "../../helpers/nats-server.ts";
import { ENFORCE, snapshots } from "../../helpers/release-world.ts";

let server: TestNats;
beforeAll(async () => {
  server = await startTestNats();
});
afterAll(() => server.stop());

/** A pipeline of its own with judged snapshots m1@1 to m1@3 and m2@1 to m2@2, and a file in force. */
interface Place {
  readonly backplane: JetStreamBackplane;
  /** Runs a command as ada. Those that the ledger keeps get a reason, unless the arguments end with --. */
  run(...args: readonly string[]): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }>;
  json<T>(...args: readonly string[]): Promise<T>;
  apply(rules: { readonly gate?: GatePolicy; readonly freeze?: readonly FreezeWindow[] }): Promise<void>;
  entries(): Promise<readonly LedgerEntry[]>;
  append(entry: LedgerEntry): Promise<number>;
}

async function withPlace(name: string, work: (place: Place) => Promise<void>): Promise<void> {
  const backplane = await connectJetStream({ clock: systemClock, url: server.url, pipeline: name, name: "test" });
  let digest: string | null = null;
  const run: Place["run"] = (...args) =>
    cli([...args, "--nats", server.url, "--pipeline", name], { env: { USER: "ada" } });
  const place: Place = {
    backplane,
    run,
    async json(...args) {
      const { code, stdout, stderr } = await run(...args, "--json");
      expect({ code, stderr }).toEqual({ code: 0, stderr: expect.any(String) });
      return JSON.parse(stdout);
    },
    async apply(rules) {
      const content = { name, components: { m1: {}, m2: {} }, ...rules };
      ({ digest } = await backplane.pipelines.apply(content, digest, "test"));
    },
    entries: () => collect(backplane.ledger.read(0)),
    append: async (entry) => (await backplane.ledger.append({ ...entry, pipeline: name })) as number,
  };
  try {
    await place.apply({ gate: ENFORCE });
    for (const [component, count] of [
      ["m1", 3],
      ["m2", 2],
    ] as const) {
      for (let serial = 1; serial <= count; serial++) {
        await backplane.registry.publish(draft({ pipeline: name, component }), model(serial), "any");
        await backplane.verdicts.append(verdict(component, serial, { pipeline: name }));
      }
    }
    await work(place);
  } finally {
    await backplane.close();
  }
}

const why = ["--reason", "passed the audit"];

test("a person releases, promotes against a gate with an override, rolls back, and the ledger keeps who and why", () =>
  withPlace("by-hand", async ({ run, json, entries, append }) => {
    const early = await run("release");
    expect(early).toMatchObject({ code: 0, stdout: expect.stringContaining("there is no release yet") });
    expect((await run("releases")).stdout).toContain("there is no release yet");
    expect(await json("release")).toBeNull();

    const first = await run("promote", "m1@1", ...why);
    expect(first).toEqual({
      code: 0,
      stdout: "release 1: m1@1 in use\n",
      stderr: "the release is incomplete: no snapshot of m2 is in use; promote one of each\n",
    });
    expect(await json("promote", "m2@1", ...why)).toMatchObject({
      release: { number: 2, previous: 1, kind: "promote", composition: { m1: 1, m2: 1 } },
      missing: [],
    });

    await append(decision({ m1: 2 }, { release: 2, decision: "refused", reasons: ["worse"] }));
    expect(await run("promote", "m1@2", ...why)).toMatchObject({
      code: 5,
      stderr: "uncouple: the gate refused m1@2 (worse); add --override to promote m1@2 anyway, which is recorded\n",
    });
    expect(await run("promote", "m1@2", "--override")).toMatchObject({
      code: 2,
      stderr: "uncouple: the gate in force has mode enforce, so the ledger needs a reason; add --reason TEXT\n",
    });
    const overridden = await run("promote", "m1@2", "--override", "--against", "2", ...why);
    expect(overridden).toMatchObject({ code: 0, stdout: "release 3: m1@2 in use; overrides: refused\n" });
    expect(await run("promote", "m1@3", "--override", "--against", "2", ...why)).toMatchObject({
      code: 4,
      stderr:
        "uncouple: release 3 is in use (ada: passed the audit), not release 2; see `uncouple release` and promote again\n",
    });

    const back = await run("rollback", "--reason", "revenue fell");
    expect(back).toMatchObject({
      code: 0,
      stdout: "release 4: the composition of release 2 is in use again; on hold: m1@2\n",
    });
    expect((await entries()).slice(-2)).toMatchObject([
      {
        entry: "order",
        verb: "hold",
        snapshots: snapshots("m1@2"),
        reason: "rolled back from release 3 to 2: revenue fell",
      },
      { entry: "release", number: 4, kind: "rollback", composition: { m1: 1, m2: 1 }, cause: { by: "ada" } },
    ]);
    expect(await json("rollback", "--to", "3", ...why)).toMatchObject({
      release: { number: 5, composition: { m1: 2, m2: 1 } },
      restored: 3,
      held: snapshots("m1@1"),
      missing: [],
    });
    expect(await run("rollback", "m1", ...why)).toMatchObject({
      code: 0,
      stdout: "m1@1 is in use again (previously m1@2, which is on hold)\n",
    });

    const listed = await run("releases", "--limit", "3");
    expect(listed.stdout.split("\n")).toMatchObject([
      expect.stringMatching(/^RELEASE +KIND +MOVED +BY +TIME$/),
      expect.stringMatching(/^ +4 +rollback +m1@2 -> m1@1 +ada: revenue fell +2/),
      expect.stringMatching(/^ +5 +rollback +m1@1 -> m1@2 +ada: passed the audit +2/),
      expect.stringMatching(/^ +6 +rollback +m1@2 -> m1@1 +ada: passed the audit +2/),
      "",
    ]);
    expect((await json<Release[]>("releases")).map(({ number }) => number)).toEqual([1, 2, 3, 4, 5, 6]);
    const third = await run("release", "3");
    expect(third.stdout).toContain("by        ada: passed the audit (overrides: refused)");
    expect(third.stdout).toContain("moved     m1@1 -> m1@2");
  }));

test("orders are for the gate, and status and decisions show them with what was measured", () =>
  withPlace("orders", async ({ run, json, append, backplane }) => {
    await append(release(1, { composition: { m1: 1, m2: 1 } }));
    await append(decision({ m1: 2 }, { decision: "held", reasons: ["worse"], needs: ["m2"], asked: null }));
    const position = await append(decision({ m1: 2, m2: 2 }));
    expect(await run("hold", "m1@3,m2@2", "--reason", "audit until Friday")).toMatchObject({
      code: 0,
      stdout:
        "m1@3  on hold: no gate promotes it until `uncouple resume`\nm2@2  on hold: no gate promotes it until `uncouple resume`\n",
    });
    expect(await json("refuse", "m1@2", ...why)).toMatchObject({
      verb: "refuse",
      snapshots: snapshots("m1@2"),
      by: "ada",
    });
    expect(await run("resume", "m2@2", ...why)).toMatchObject({
      code: 0,
      stdout: "m2@2  for the gate to decide again\n",
    });
    await append(served("edge-1", 1));

    const { code, stdout, stderr } = await run("status");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(/^orders release 1 for .*newest judged snapshots; gate: enforce\n/);
    expect(stdout).toMatch(/\nm1 +m1@1 +m1@3 +-\nm2 +m2@1 +m2@2 +-\n/);
    expect(stdout.replaceAll(/\s+/g, " ")).toMatch(
      /m1@2 held: needs m2 retrained on it; the measure is worse, beyond the margin; refused by ada: passed the audit, published .* ago m1@3 not decided yet \(verdict: inconclusive\); held by ada: audit until Friday, published .* ago m2@2 not decided yet/,
    );
    expect(stdout).toMatch(/edge-1 serves release 1 for/);
    const status = await json<{ components: { candidates: unknown[] }[] }>("status");
    expect(status).toMatchObject({
      pipeline: "orders",
      gate: "enforce",
      release: { number: 1 },
      evaluator: null,
      trainers: [],
    });
    expect(status.components.map(({ candidates }) => candidates.length)).toEqual([2, 1]);

    expect((await run("decisions")).stdout).toBe(
      "m1@2  held: needs m2 retrained on it; the measure is worse, beyond the margin\nm1@2,m2@2  promoted\n",
    );
    const about = await run("decisions", "m2@2");
    expect(about.stdout).toMatch(
      /^m1@2,m2@2 promoted\n {2}pipeline loss {2}-10 % \[-15, -5\.0\] {2}below \+1\.0 % {2}✓ confirmed/,
    );
    expect(about.stdout).toContain("about to be released");
    expect(await json("decisions", "m2@2")).toMatchObject([{ position, decision: { moves: { m1: 2, m2: 2 } } }]);
    expect((await run("decisions", "m1@3")).stdout).toBe("no decision about it yet\n");
    expect((await json<unknown[]>("decisions", "--limit", "1")).length).toBe(1);

    await append(release(2, { composition: { m1: 2, m2: 2 }, cause: { type: "decision", position } }));
    const shown = await run("release");
    expect(shown.stdout).toContain("by        the gate");
    expect(shown.stdout).toMatch(/pipeline loss .* ✓ confirmed/);
    expect(await json("release", "2")).toMatchObject({ release: { number: 2 }, decision: { moves: { m1: 2, m2: 2 } } });
    await backplane.quarantines.append(quarantine("m1", 2, { pipeline: "orders" }));
    expect((await run("status")).stdout).toMatch(/\nm1 +- +m1@3/);
  }));

test("without a gate, promoting and rolling back pin, and a freeze needs an override", () =>
  withPlace("ungated", async ({ run, json, apply, append }) => {
    await apply({});
    expect(await run("promote", "m1@1")).toMatchObject({
      code: 5,
      stderr: expect.stringContaining(
        "there is no release yet, and no gate is in force: an evaluator writes the first one",
      ),
    });
    await append(release(1, { composition: { m1: 3, m2: 2 } }));
    expect(await run("promote", "m1@2")).toMatchObject({ code: 0, stdout: "release 2: m1@2 in use, pinned: m1\n" });
    expect((await run("alias", "m1")).stdout).toMatch(/champion +m1@2/);
    const back = await run("rollback");
    expect(back).toMatchObject({
      code: 0,
      stdout: "release 3: the composition of release 1 is in use again; pinned: m1\n",
    });
    await apply({ freeze: [{ from: "2026-01-01T00:00:00.000Z", to: "9999-01-01T00:00:00.000Z", reason: "holidays" }] });
    expect(await run("promote", "m1@1")).toMatchObject({
      code: 5,
      stderr:
        "uncouple: releases are frozen until 9999-01-01T00:00:00.000Z: holidays; add --override to promote m1@1 anyway, which is recorded\n",
    });
    expect(await json("promote", "m1@1", "--override")).toMatchObject({
      release: { kind: "pin", composition: { m1: 1, m2: 2 }, cause: { reason: null, overrides: ["freeze"] } },
    });
    expect((await run("gate")).stdout.replaceAll(/\s+/g, " ")).toMatch(/has no gate.*frozen now, until 9999-01-01/);
  }));

test("gate shows the policy, the questions and what the rows tell apart, and opens the reserve once", () =>
  withPlace("gate", async ({ run, json, apply, append, backplane }) => {
    expect(await run("gate", "--open-reserve", ...why)).toMatchObject({
      code: 5,
      stderr: "uncouple: no evaluator has read the held-out rows yet, so there are no reserve rows to open\n",
    });
    const current = generation(1, { pipeline: "gate", rows: 5000, split: [0.4, 0.4, 0.2] });
    await backplane.generations.start(current);
    await append(decision({ m1: 2 }, { asked: { part: "confirm", question: 200 } }));
    const shown = (await run("gate")).stdout.replaceAll(/\s+/g, " ");
    expect(shown).toMatch(/mode enforce require improved composed loss margin 1\.0 %/);
    // As the generation was divided, whatever the file says.
    expect(shown).toContain("about 2,000 screen, 2,000 confirm, 1,000 reserve");
    expect(shown).toContain("200 of 200 asked of the confirm rows; reserve closed; none left, so updates are held");
    expect(shown).toMatch(/tells apart about 1\d % of the loss in one question/);
    const report = await json<{ resolution: { detectable: number } }>("gate");
    expect(report).toMatchObject({
      gate: { mode: "enforce", split: [0.4, 0.4, 0.2] },
      heldOut: { generation: 1, rows: 5000 },
      questions: { confirm: 200, reserve: 0, isReserveOpen: false, left: 0 },
      decisions: { promoted: 1, refused: 0, held: 0, void: 0 },
    });
    // (z_{1 - 0.05/200 two-sided} + z_0.8) times the standard error of the interval [-0.15, -0.05].
    expect(report.resolution.detectable).toBeCloseTo((3.6623 + 0.8416) * (0.1 / (2 * 1.96)), 3);

    expect(await run("gate", "--open-reserve")).toMatchObject({ code: 2, stderr: expect.stringContaining("--reason") });
    expect(await run("gate", "--open-reserve", ...why)).toMatchObject({
      code: 0,
      stdout: "the reserve rows of held-out generation 1 are open\n",
    });
    expect(await run("gate", "--open-reserve", ...why)).toMatchObject({
      code: 5,
      stderr: "uncouple: the reserve rows of held-out generation 1 are open already\n",
    });
    expect(await json("gate")).toMatchObject({ questions: { isReserveOpen: true, left: 200 } });
    await apply({ gate: DEFAULT_GATE });
    expect((await run("gate")).stdout).toContain("observe: says what it would do");
  }));

describe("bad input", () => {
  test("is named in one line, with an exit code, and changes nothing", () =>
    withPlace("bad", async ({ run, append, entries, backplane }) => {
      await backplane.registry.publish(draft({ pipeline: "bad", component: "m2" }), model(9), "any");
      await backplane.quarantines.append(quarantine("m1", 2, { pipeline: "bad" }));
      await append(release(1, { composition: { m1: 2, m2: 1 } }));
      await append(release(2, { composition: { m1: 1, m2: 1 }, kind: "rollback" }));
      const before = await entries();
      const rows: readonly (readonly [string, number, string])[] = [
        ["promote m1@1,m1@3", 2, "m1@1 and m1@3 are snapshots of one component; a release has one of each"],
        ["promote m3@1", 3, 'pipeline bad has no component "m3"; available: m1, m2; did you mean "m1"?'],
        [
          "promote m1@2,m2@3",
          5,
          "cannot promote m1@2,m2@3: m1@2 is quarantined (not-finite: 3 of 100 rows are NaN); m2@3 is not judged yet",
        ],
        ["promote m1@1 --override", 5, "m1@1 is already in use, by release 2"],
        [
          "promote m1@3",
          5,
          "the gate has not decided about m1@3 beside release 2; add --override to promote m1@3 anyway, which is recorded",
        ],
        ["hold m1@2", 5, "cannot hold what is never promoted: m1@2 is quarantined (not-finite: 3 of 100 rows are NaN)"],
        [
          "rollback",
          5,
          "cannot roll back to release 1 (choose another with --to): m1@2 is quarantined (not-finite: 3 of 100 rows are NaN)",
        ],
        ["rollback --to 7", 3, "no release 7: the newest is 2"],
        ["rollback m3", 3, 'pipeline bad has no component "m3"; available: m1, m2; did you mean "m1"?'],
      ];
      for (const [line, code, says] of rows) {
        expect(await run(...line.split(" "), ...why)).toEqual({ code, stdout: "", stderr: `uncouple: ${says}\n` });
      }
      expect(await entries()).toEqual(before);
    }));

  test("services that do not answer are noted, and the rest of the status is shown", () =>
    withPlace("alone", async ({ run }) => {
      const nobody = `127.0.0.1:${await freePort()}`;
      const { code, stdout, stderr } = await run("status", "--evaluator", nobody, "--trainer", nobody);
      expect(code).toBe(0);
      expect(stdout).toContain("alone no release yet; gate: enforce");
      expect(stderr).toMatch(/no answer from the evaluator: /);
      expect(stderr).toMatch(/no answer from the trainers: /);
    }));
});
