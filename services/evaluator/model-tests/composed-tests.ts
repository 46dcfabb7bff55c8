import type { ComposerDeps } from "../../composition/composer.ts";
import { createComposer } from "../../composition/composer.ts";
import { rowNames } from "../../data/row-names.ts";
import type { Column, ColumnSchema, NumericColumn } from "../../data/table/table.ts";
import { takeColumns } from "../../data/table/take-rows.ts";
import { isShownWorse } from "../../learning/model-tests/evidence.ts";
import { runModelTests, skipped, type TestOutcome } from "../../learning/model-tests/run-model-tests.ts";
import type { Predict, TestRows, TestSubject } from "../../learning/model-tests/subject.ts";
import { closureOf, componentNamed } from "../../pipeline/dag.ts";
import { type SnapshotId, type SnapshotManifest, snapshotName } from "../../pipeline/manifest.ts";
import type { JudgedTest, ModelTest, PipelineTest } from "../../pipeline/model-test.ts";
import type { Component, Pipeline } from "../../pipeline/pipeline.ts";
import type { Composition } from "../../pipeline/verdict.ts";
import { targetColumns } from "../../pipeline/visible-columns.ts";
import type { CompositionTests } from "../../releases/composition-tests.ts";
import type { Logger } from "../../runtime/logs.ts";
import { SnapshotFault } from "../../verdicts/snapshot-fault.ts";
import { readTeamTests } from "./team-tests.ts";
import type { TestSample } from "./test-sample.ts";

export interface ComposedTestsDeps extends Pick<ComposerDeps, "modelOf" | "inference" | "signal"> {
  readonly pipeline: Pipeline;
  readonly schema: readonly ColumnSchema[];
  readonly sample: TestSample;
  /** Salt of the pipeline (`HeldOutGeneration`); undefined: there is none yet, and rows have numbers. Called while it tests. */
  salt(): string | undefined;
  readonly log: Logger;
}

/** Tests of models on a sample of rows, with the composed outputs of what they read. */
export interface ComposedTests extends CompositionTests {
  /**
   * Runs the tests of an announced snapshot's team, from its manifest, and those of the pipeline that it can change.
   * @param current the composition in use just before the announcement
   * @throws SnapshotFault as `Composer.outputs`, but for predictions that are invalid: these violate the tests
   */
  ofSnapshot(manifest: SnapshotManifest, current: Composition): Promise<readonly JudgedTest[]>;
  /** Runs tests of a snapshot alone, as its team's. @throws SnapshotFault as `ofSnapshot` */
  ofTeam(tests: readonly ModelTest[], snapshot: SnapshotId, current: Composition): Promise<readonly JudgedTest[]>;
}

export function createComposedTests(deps: ComposedTestsDeps): ComposedTests {
  const { pipeline, sample, log } = deps;

  const isComplete = (name: string, composition: Composition) =>
    closureOf(pipeline, name).every((needed) => composition[needed] !== undefined);

  /** What the tested component, or everything that its composed output depends on, reads. */
  function rowsFor(component: Component, readers: readonly string[]): TestRows {
    const columns = readers.flatMap((name) => componentNamed(pipeline, name).columns);
    const { table, labels, groupings } = sample;
    return {
      table: takeColumns(table, columns),
      targets: takeColumns(table, targetColumns(component)),
      labels,
      groupings,
    };
  }

  /** Composes a component's output on any rows. @param replaced outputs of its upstream, by name in the rows */
  function predictor(component: Component, composition: Composition, replaced: readonly string[] = []): Predict {
    return async (table) => {
      const composer = createComposer({ pipeline, heldOut: table, outputCacheBytes: 0, once: true }, deps);
      const variant = replaced.map((upstream) => {
        const { values } = table.columns[componentNamed(pipeline, upstream).output.name] as NumericColumn;
        return { component: upstream, consumers: [component.name], values };
      });
      try {
        const [outputs] = await composer.outputs(component.name, composition, [variant]);
        return outputs as Float32Array;
      } catch (thrown) {
        if (!isInvalidOutput(thrown)) throw thrown;
        return new Float32Array(table.rows * component.output.width).fill(Number.NaN);
      } finally {
        await composer.close();
      }
    };
  }

  /** The component alone: it reads the composed outputs of its upstream, which a test does not change. */
  async function teamSubject(component: Component, current: Composition, serial: number): Promise<TestSubject> {
    const rows = rowsFor(component, closureOf(pipeline, component.name));
    const columns: Record<string, Column> = { ...rows.table.columns };
    for (const upstream of component.upstream) {
      const { name, width } = componentNamed(pipeline, upstream).output;
      const values = await predictor(componentNamed(pipeline, upstream), current)(rows.table);
      columns[name] = { kind: "numeric", width, values };
    }
    const predict = (composition: Composition) => predictor(component, composition, component.upstream);
    return {
      ...rows,
      table: { rows: rows.table.rows, columns },
      component,
      predict: predict({ ...current, [component.name]: serial }),
      ...(current[component.name] !== undefined && { previous: predict(current) }),
    };
  }

  function pipelineSubject(component: Component, composition: Composition, before: Composition): TestSubject {
    return {
      ...rowsFor(component, closureOf(pipeline, component.name)),
      component,
      predict: predictor(component, composition),
      ...(isComplete(component.name, before) && { previous: predictor(component, before) }),
    };
  }

  async function ofTeam(
    tests: readonly ModelTest[],
    snapshot: SnapshotId,
    current: Composition,
  ): Promise<readonly JudgedTest[]> {
    if (tests.length === 0) return [];
    const component = componentNamed(pipeline, snapshot.component);
    const above = component.upstream.filter((upstream) => !isComplete(upstream, current));
    const outcomes =
      above.length > 0
        ? tests.map((test) => skipped(test, `${above.join(", ")} cannot be composed yet`))
        : await runModelTests(tests, await teamSubject(component, current, snapshot.serial));
    return outcomes.map((outcome) => judged(outcome, component.name, "component"));
  }

  /** The tests of a manifest that can be run. */
  function recordedTests(manifest: SnapshotManifest): readonly ModelTest[] {
    const { tests, unreadable } = readTeamTests(manifest, pipeline, deps.schema);
    for (const why of unreadable) log.warn({ snapshot: snapshotName(manifest) }, `left out a test of the team: ${why}`);
    return tests;
  }

  function judged(outcome: TestOutcome, component: string, scope: JudgedTest["scope"]): JudgedTest {
    const nameOf = rowNames(pipeline, sample.labels, deps.salt());
    const examples = outcome.worstRows.map(
      (row) => nameOf(row) ?? `${sample.unnamed} ${(sample.rows[row] as number) + 1}`,
    );
    return { ...outcome.result, ...(examples.length > 0 && { examples }), component, scope };
  }

  async function ofComponent(
    tests: readonly PipelineTest[],
    component: Component,
    current: Composition,
    candidate: Composition,
  ): Promise<readonly JudgedTest[]> {
    const { name } = component;
    if (!isComplete(name, candidate)) {
      return tests.map((test) => judged(skipped(test, `${name} cannot be composed yet`), name, "pipeline"));
    }
    const outcomes = await runModelTests(tests, pipelineSubject(component, candidate, current));
    const failed = outcomes.filter(({ result }) => !result.passed).map(({ test }) => test);
    // Agreement is about the update itself: what is in use agrees with itself.
    const comparable = failed.filter(({ kind }) => kind !== "agreement");
    const before =
      comparable.length > 0 && isComplete(name, current)
        ? await runModelTests(comparable, pipelineSubject(component, current, current))
        : [];
    return Promise.all(
      outcomes.map(async (outcome) => {
        const own = before.find(({ test }) => test === outcome.test);
        const failedBefore = own !== undefined && !own.result.passed && !(await isWorse(outcome, own));
        return { ...judged(outcome, name, "pipeline"), ...(failedBefore && { failedBefore }) };
      }),
    );
  }

  async function ofComposition(current: Composition, candidate: Composition): Promise<readonly JudgedTest[]> {
    const moved = Object.keys(candidate).filter((name) => candidate[name] !== current[name]);
    const found: JudgedTest[] = [];
    for (const component of pipeline.components) {
      if (!closureOf(pipeline, component.name).some((name) => moved.includes(name))) continue;
      const tests = (pipeline.tests ?? []).filter((test) => test.component === component.name);
      if (tests.length > 0) found.push(...(await ofComponent(tests, component, current, candidate)));
    }
    return found;
  }

  return {
    ofSnapshot: async (manifest, current) => [
      ...(await ofTeam(recordedTests(manifest), manifest, current)),
      ...(await ofComposition(current, { ...current, [manifest.component]: manifest.serial })),
    ],
    ofTeam,
    ofComposition,
  };
}

async function isWorse(candidate: TestOutcome, current: TestOutcome): Promise<boolean> {
  for (const [place, evidence] of candidate.evidence.entries()) {
    const before = current.evidence[place];
    if (before !== undefined && (await isShownWorse(evidence, before))) return true;
  }
  return false;
}

function isInvalidOutput(thrown: unknown): boolean {
  return thrown instanceof SnapshotFault && ["not-finite", "not-probabilities"].includes(thrown.reason);
}
