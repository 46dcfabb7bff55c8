import { expect, test } from "vitest";
import { modelPage } from "../../../../services/cli/report/model-page.ts";
import type { ModelReport, SnapshotFacts } from "../../../../services/cli/report/model-report.ts";
import { studyPage } from "../../../../services/cli/report/study-page.ts";
import { quarantine } from "../../../helpers/drafts.ts";
import { modelReport, tunedStudy } from "../../../helpers/report-record.ts";

const headings = (page: string) => [...page.matchAll(/<h2>(.*?)<\/h2>/g)].map(([, heading]) => heading);
const plots = (page: string) => page.match(/<svg /g)?.length ?? 0;
const full = modelReport();

test("a page about a classifier has its calibration in place of residuals, of two classes the second one", async () => {
  const page = await modelPage(modelReport(["no", "yes"]), "footer");
  expect(headings(page)).toContain("Calibration");
  expect(headings(page)).not.toContain("Residuals");
  expect(page).toContain("<td>yes</td>");
  expect(page).not.toContain("<td>no</td>");
});

test("a page escapes what others wrote", async () => {
  const page = await modelPage(full, "footer");
  expect(page).toContain("rises with &lt;price&gt;");
  expect(page).not.toContain("<price>");
});

test("a page about a run that waits has neither plots nor a snapshot", async () => {
  const { run } = full;
  if (run === null) throw new Error("the record has no run");
  const waiting: ModelReport = {
    component: "m2",
    run: { ...run, run: { ...run.run, state: "waiting", snapshot: null, warnings: [] }, curve: null, fit: null },
    snapshot: null,
    missing: [],
  };
  const page = await modelPage(waiting, "footer");
  expect(headings(page)).toEqual(["Model card", "Training"]);
  expect(page).toContain("The training has not begun.");
  expect(plots(page)).toBe(0);
});

test("a page about a run with a sample does not say that the model has seen all rows", async () => {
  const { run } = full;
  if (run === null) throw new Error("the record has no run");
  expect(await modelPage(full, "footer")).toContain("The model was trained on them, which flatters it.");
  const sampled = { ...full, run: { ...run, settings: { ...run.settings, sample: { rows: 4000 } } } };
  const page = await modelPage(sampled, "footer");
  expect(page).not.toContain("The model was trained on them");
  expect(page).toContain("The model was trained on those of them that the team");
});

test("a page about a run that was cancelled says so, and where its schedule was to end", async () => {
  const { run } = full;
  if (run === null) throw new Error("the record has no run");
  const cancelled = {
    ...run,
    run: { ...run.run, state: "cancelled", snapshot: null } as const,
    settings: { ...run.settings, steps: 1500, stopAfter: 900, batch: 64 },
  };
  const page = await modelPage({ component: "m2", run: cancelled, snapshot: null, missing: [] }, "footer");
  expect(page).toContain(`Run ${run.run.id} of m2 was cancelled.`);
  expect(page).toContain("<td>900 of 1500, batch size 64</td>");
});

test("a page about a quarantined snapshot that another program trained says so, and what is missing", async () => {
  const snapshot: SnapshotFacts = {
    ...(full.snapshot as SnapshotFacts),
    verdict: null,
    quarantine: quarantine("m2", 2),
  };
  const page = await modelPage({ component: "m2", run: null, snapshot, missing: ["its training: <b>"] }, "footer");
  expect(headings(page)).toEqual([
    "What is missing",
    "Model card",
    "On held-out rows",
    "Tests",
    "Training data",
    "Lineage",
  ]);
  expect(page).toContain("It is quarantined (not-finite): nothing composes it.");
  expect(page).toContain('<p class="summary">Quarantined: not-finite.</p>');
  expect(page).toContain("its training: &lt;b&gt;");
});

test("a page about a study that failed before its first trial says why", async () => {
  const study = tunedStudy({
    state: "failed",
    trials: [],
    rows: null,
    error: { code: "failed-precondition", message: "the training rows changed" },
  });
  const page = await studyPage(study, "footer");
  expect(page).toContain("The study failed: the training rows changed, 0 of 24 trials have ended.");
  expect(plots(page)).toBe(0);
});

test("a page about a study that was stopped counts the trials that it has not begun", async () => {
  const [first] = tunedStudy().trials;
  const page = await studyPage(tunedStudy({ state: "stopped", trials: first ? [first] : [] }), "footer");
  expect(page).toContain("The study is stopped, 1 of 24 trials have ended.");
  expect(page).toContain("The trial that was measured more than once.");
});

test("a page about a study with few trials has their history, but no importance", async () => {
  const page = await studyPage(tunedStudy({ trials: tunedStudy().trials.slice(0, 5) }), "footer");
  expect(page).toContain("It needs 10 measured trials.");
  // The history, three parameters, and the curves.
  expect(plots(page)).toBe(5);
});

test("validation losses that hardly differ fill their plot; those that differ by decades have a logarithmic axis", async () => {
  const [trial] = tunedStudy().trials;
  if (trial === undefined) throw new Error("the record has no trials");
  const axisOf = async (...losses: number[]) => {
    const measured = losses.map((value, i) => ({ step: 100 * (i + 1), value }));
    const page = await studyPage(tunedStudy({ trials: [{ ...trial, value: 0.5, measured }] }), "footer");
    const plot = page.slice(page.indexOf("Validation loss over steps</h2>"), page.indexOf("<h2>Trials"));
    const labels = [...plot.matchAll(/>([\d.]+)<\/text>/g)].map(([, label]) => Number(label));
    return labels.filter((label) => label < 100);
  };
  expect(Math.min(...(await axisOf(0.63, 0.58)))).toBeGreaterThan(0.5);
  expect(await axisOf(50, 0.5)).toEqual(expect.arrayContaining([0.1, 1, 10]));
});

test("a test that was skipped is neither shown as passed nor as failed", async () => {
  const { snapshot } = full;
  if (snapshot === null) throw new Error("the record has no snapshot");
  const [test] = snapshot.verdict?.tests ?? [];
  if (snapshot.verdict === null || test === undefined) throw new Error("the record has no test");
  const verdict = { ...snapshot.verdict, tests: [{ ...test, skipped: "no rows change" }] };
  const page = await modelPage({ ...full, snapshot: { ...snapshot, verdict } }, "footer");
  expect(page).toContain('<span class="skipped">skipped: no rows change</span>');
});
