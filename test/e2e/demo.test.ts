import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { DemoResults } from "../../services/cli/demo/results.ts";
import { natsServerBinary } from "../helpers/nats-server.ts";
import { descendants, gone, runCliProcess, spawnCli } from "../helpers/spawn-cli.ts";

let out: string;
let results: DemoResults;
let stdout: string;
/** Every descendant of the demo that was seen while it ran. */
const processes = new Set<number>();

beforeAll(async () => {
  await natsServerBinary();
  out = await mkdtemp(join(tmpdir(), "uncouple-demo-"));
  const demo = spawnCli(["demo", "--out", out], { env: { NATS_URL: "" } });
  const pid = demo.child.pid ?? 0;
  const looking = setInterval(() => {
    descendants(pid).then(
      (found) => {
        for (const one of found) processes.add(one);
      },
      () => {},
    );
  }, 1000);
  const code = await demo.ended;
  clearInterval(looking);
  stdout = demo.stdout();
  expect(`${code} ${demo.stderr()}`).toBe("0 ");
  results = JSON.parse(await readFile(join(out, "results.json"), "utf8")) as DemoResults;
});
afterAll(() => rm(out, { recursive: true, force: true }));

const row = (protocol: string) => results.rows.find((one) => one.protocol === protocol)?.normalized;

describe("the story of `npm start`", () => {
  it("runs in separate processes, over a real NATS server", () => {
    expect(results.backplane).toBe("jetstream");
    // nats-server, two trainers, an evaluator.
    expect(processes.size).toBeGreaterThanOrEqual(4);
  });

  it("publishes six snapshots with the right lineage, and measures every pair", () => {
    expect(results.snapshots.map(({ component, serial }) => `${component}@${serial}`)).toEqual([
      "m1@1",
      "m2@1",
      "m2@2",
      "m2@3",
      "m1@2",
      "m1@3",
    ]);
    const m2 = results.snapshots.filter(({ component }) => component === "m2");
    expect(m2.map(({ provenance }) => provenance.upstream)).toEqual([{ m1: 1 }, { m1: 1 }, { m1: 1 }]);
    expect(m2[2]?.provenance.counterfactual).toMatch(/oracle/);
    expect(results.matrix.cells).toHaveLength(9);
    expect(results.quarantines).toEqual([]);
  });

  it("shows that the better M1 is self-defeating under async and a gain under causal", () => {
    const verdict = results.verdicts.find(({ component, serial }) => component === "m1" && serial === 3);
    expect(verdict?.kind).toBe("self-defeating");
    expect(verdict?.componentInterval?.[1]).toBeLessThan(0);
    expect(verdict?.comparison?.interval[0]).toBeGreaterThan(0);
    const causal = verdict?.alternatives.find(({ candidate }) => candidate.m2 === 3);
    expect(causal?.kind).toBe("improved");
  });

  it("matches the losses of the paper's figure: the cost of causal today, and its gain", () => {
    const [async, proximal, causal] = [row("async"), row("proximal"), row("causal")];
    expect(async?.initial).toBeLessThan(74);
    expect(Math.abs((causal?.initial ?? 0) - 100)).toBeLessThan(2);
    expect(causal?.consistent).toBeLessThan(10);
    expect(causal?.consistent).toBeLessThan(proximal?.consistent ?? 0);
    expect(proximal?.consistent).toBeLessThan(async?.consistent ?? 0);
    for (const one of [async, causal]) expect(one?.incremental).toBeLessThan(one?.initial ?? 0);
  });

  it("releases a self-defeating update together with its retrained consumer, then a causal one, under a gate", () => {
    const { releases, decisions, snapshots, inUse, gate } = results.gated;
    expect(gate).toMatchObject({ mode: "enforce", measure: "audited", transitionBudget: 0.2, horizon: 200 });
    expect(releases.map(({ composition }) => composition)).toEqual([
      { m1: 1 },
      { m1: 1, m2: 1 },
      { m1: 2, m2: 2 },
      { m1: 2, m2: 3 },
    ]);
    expect(decisions.map(({ decision: { moves, decision, asked } }) => [moves, decision, asked?.question])).toEqual([
      [{ m1: 2 }, "held", undefined],
      [{ m2: 2 }, "held", undefined],
      [{ m1: 2, m2: 2 }, "promoted", 1],
      [{ m2: 3 }, "promoted", 2],
    ]);
    expect(decisions[0]?.decision).toMatchObject({ reasons: ["worse", "transition", "needs"], needs: ["m2"] });
    const retrained = snapshots.find(({ component, serial }) => component === "m2" && serial === 2);
    expect(retrained?.provenance).toMatchObject({ candidateRun: "m1@2:m2:1", upstream: { m1: 2 } });
    const [audited, transition] = decisions[3]?.decision.criteria ?? [];
    expect(audited).toMatchObject({ name: "audited", screened: true, confirmed: true });
    expect(transition).toMatchObject({ name: "transition", margin: 0.2, confirmed: true });
    // Without a gate, the loss would have risen before it fell.
    expect(inUse.newest[2]?.normalized).toBeGreaterThan(150);
    expect(inUse.released.map(({ normalized }) => normalized).slice(0, 2)).toEqual([null, 100]);
    for (const { normalized } of inUse.released.slice(2)) expect(normalized).toBeLessThan(10);
  });

  it("prints the verdicts in order, the table, the conclusions and the path of the report", () => {
    const order = [
      "m1@1  inconclusive",
      "m2@3  degraded",
      "m1@2  improved",
      "m1@3  self-defeating",
      "m1@2 held: needs m2 retrained on it",
      "the gate asks for a training: m1@2 needs m2 retrained on it, attempt 1",
      "m1@2,m2@2 promoted",
      "release 3: m1@1 -> m1@2, m2@1 -> m2@2 (the gate)",
      "m2@3 promoted",
      "M2 async ",
      "The gate held m1@2 by itself",
      "Report: ",
    ];
    const places = order.map((text) => stdout.indexOf(text));
    expect(places.every((place) => place >= 0)).toBe(true);
    expect(places).toEqual([...places].sort((a, b) => a - b));
    expect(stdout).toContain("11 snapshots published by 2 teams, 15 compositions measured, 0 quarantined");
    expect(stdout).not.toContain("\u001b");
  });

  it("writes a self-contained report", async () => {
    const page = await readFile(join(out, "report.html"), "utf8");
    expect(page.match(/<svg /g)).toHaveLength(5);
    expect(page).toContain("self-defeating");
    expect(page).not.toMatch(/<script|<link|src=|NaN|undefined/);
  });

  it("leaves no process and no stack file behind", async () => {
    await gone([...processes]);
    for (const stack of ["stack", "stack-gated"]) expect(await readdir(join(out, stack))).not.toContain("stack.json");
  });

  it("has the same results in one process over the memory backplane, as JSON", async () => {
    const memory = await mkdtemp(join(tmpdir(), "uncouple-demo-"));
    try {
      const { code, stdout: json } = await runCliProcess(["demo", "--memory", "--json", "--out", memory]);
      const same = JSON.parse(json) as DemoResults;
      expect(code).toBe(0);
      expect(same.backplane).toBe("memory");
      expect(same.rows).toEqual(results.rows);
      const digests = ({ snapshots, gated }: DemoResults) =>
        [...snapshots, ...gated.snapshots].map(({ digest }) => digest);
      expect(digests(same)).toEqual(digests(results));
      const losses = ({ gated }: DemoResults) => gated.inUse.released.map(({ loss }) => loss);
      expect(losses(same)).toEqual(losses(results));
    } finally {
      await rm(memory, { recursive: true, force: true });
    }
  });

  it("stops on Ctrl-C with exit code 130 and one line, and leaves no process behind", async () => {
    const interrupted = await mkdtemp(join(tmpdir(), "uncouple-demo-"));
    try {
      const demo = spawnCli(["demo", "--out", interrupted], { env: { NATS_URL: "" } });
      await demo.seen(/Team M2 trains/);
      const running = await descendants(demo.child.pid ?? 0);
      expect(running.length).toBeGreaterThanOrEqual(4);
      demo.child.kill("SIGINT");
      expect(await demo.ended).toBe(130);
      expect(demo.stderr()).toBe("uncouple: interrupted\n");
      await gone(running);
    } finally {
      await rm(interrupted, { recursive: true, force: true });
    }
  });
});
