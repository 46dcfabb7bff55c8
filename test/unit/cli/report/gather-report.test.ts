import { beforeEach, describe, expect, test } from "vitest";
import type { Connections } from "../../../../services/cli/connect/connections.ts";
import { gatherReport, type Report } from "../../../../services/cli/report/gather-report.ts";
import { reportJson } from "../../../../services/cli/report/report-json.ts";
import { createVirtualClock } from "../../../../services/common/clock/virtual-clock.ts";
import { UncoupleError } from "../../../../services/common/errors.ts";
import type { RunReport } from "../../../../services/pipeline/run-report.ts";
import { DeletedError } from "../../../../services/pipeline/tombstone.ts";
import type { Backplane } from "../../../../services/registry/backplane.ts";
import { createMemoryBackplane } from "../../../../services/registry/memory/backplane.ts";
import { draft, model, tombstone, verdict } from "../../../helpers/drafts.ts";
import { fakeTrainer } from "../../../helpers/fake-services.ts";
import { modelReport, tunedStudy } from "../../../helpers/report-record.ts";
import { succeededRun } from "../../../helpers/succeeded-run.ts";

const { run: known } = modelReport();
const runs = [
  succeededRun("a1", "m1", 1, { id: "20260131-a1" }),
  succeededRun("a2", "m1", 2, { id: "20260131-a2", state: "failed", snapshot: null }),
];
const study = tunedStudy({ id: "20260201-b1", component: "m1" });

let backplane: Backplane;
let connections: Connections;

beforeEach(async () => {
  backplane = createMemoryBackplane("demo", { clock: createVirtualClock() });
  await backplane.registry.publish(draft({ runId: "20260131-a1" }), model(1), "any");
  const trainer = fakeTrainer({
    listRuns: async () => runs,
    async runReport(id): Promise<RunReport> {
      const run = runs.find((one) => one.id === id);
      if (run === undefined || known === null) throw new UncoupleError("not-found", `m1 has no run "${id}"`);
      return { ...known, run };
    },
  });
  const tuning = { listStudies: async () => [study] };
  connections = {
    trainer: async () => trainer,
    trainers: async () => new Map([["m1", trainer]]),
    tuning: async () => tuning,
    backplane: async () => backplane,
  } as unknown as Connections;
});

const modelOf = (report: Report) => (report.kind === "study" ? undefined : report.model);

describe("a report", () => {
  test("of a snapshot has what its trainer, its evaluator and the ledger know", async () => {
    await backplane.verdicts.append(verdict("m1", 1));
    const report = await gatherReport(connections, { component: "m1", serial: 1 });
    expect(modelOf(report)).toMatchObject({
      run: { run: { id: "20260131-a1" }, fit: { rows: 1000 } },
      snapshot: { manifest: { serial: 1 }, verdict: { kind: "inconclusive" }, quarantine: null, origins: [] },
      missing: [],
    });
    expect(reportJson(report)).toMatchObject({ kind: "snapshot", component: "m1", verdict: { serial: 1 } });
  });

  test("of a run has its snapshot, if it published one", async () => {
    expect(modelOf(await gatherReport(connections, "20260131-a1"))?.snapshot?.manifest.serial).toBe(1);
    const failed = await gatherReport(connections, "20260131-a2");
    expect(failed).toMatchObject({ kind: "run", model: { snapshot: null, run: { run: { state: "failed" } } } });
    expect(reportJson(failed)).toMatchObject({ manifest: null, verdict: null, run: { id: "20260131-a2" } });
  });

  test("of a study has all of its trials, and the importance of its parameters", async () => {
    const report = await gatherReport(connections, "20260201");
    expect(report).toMatchObject({ kind: "study", study: { id: "20260201-b1" } });
    const json = reportJson(report);
    expect(json).toMatchObject({ study: "20260201-b1", best: { trial: 1 } });
    expect(json.trials).toHaveLength(24);
    expect(json.importance).toHaveLength(3);
  });

  test("names what is missing if the trainer has forgotten the run", async () => {
    await backplane.registry.publish(draft({ runId: "forgotten" }), model(2), "any");
    const report = await gatherReport(connections, { component: "m1", serial: 2 });
    expect(modelOf(report)).toMatchObject({ run: null, missing: ['its run: m1 has no run "forgotten"'] });
  });
});

describe("a wrong name", () => {
  test("that several runs and studies begin with is ambiguous", async () => {
    await expect(gatherReport(connections, "2026")).rejects.toThrow(
      '"2026" is ambiguous: run 20260131-a1 of m1, run 20260131-a2 of m1, study 20260201-b1 of m1',
    );
  });

  test("that nothing begins with is unknown, and so is a component", async () => {
    await expect(gatherReport(connections, "2025")).rejects.toMatchObject({ code: "not-found" });
    await expect(gatherReport(connections, "m1")).rejects.toMatchObject({ code: "invalid-argument" });
  });

  test("of a deleted snapshot says so", async () => {
    const { position } = await backplane.retention.state();
    expect(await backplane.retention.delete(tombstone("m1", 1, { pipeline: "demo" }), position)).toBe(true);
    await expect(gatherReport(connections, { component: "m1", serial: 1 })).rejects.toThrow(DeletedError);
  });
});
