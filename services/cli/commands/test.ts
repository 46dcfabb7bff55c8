import { Command } from "commander";
import { UncoupleError } from "../../common/errors.ts";
import type { ComposedTests } from "../../evaluator/model-tests/composed-tests.ts";
import { closureOf, componentNamed } from "../../pipeline/dag.ts";
import { problemsError } from "../../pipeline/files/problem.ts";
import { type SnapshotManifest, snapshotName } from "../../pipeline/manifest.ts";
import { isRefused, type JudgedTest, type PipelineTest } from "../../pipeline/model-test.ts";
import type { Pipeline } from "../../pipeline/pipeline.ts";
import type { Composition } from "../../pipeline/verdict.ts";
import type { Backplane } from "../../registry/backplane.ts";
import { outcomeCodes, outcomeHelp } from "../../runtime/exit-codes.ts";
import { type ConnectionFlags, withConnections, withPeers } from "../connect/connections.ts";
import { checkGivenTests, type GivenTests, readGivenTests } from "../connect/given-tests.ts";
import { findPipelineFile } from "../connect/pipeline-file.ts";
import { type RowsPlace, readScreenRows, readTrainingRows, type TestedRows } from "../connect/tested-rows.ts";
import type { CliContext } from "../context/context.ts";
import { type DataFlags, dataAccess, withDataFlags } from "../flags/data-flags.ts";
import {
  type InferenceFlags,
  inferenceHosts,
  inferenceSettings,
  withInferenceFlags,
} from "../flags/inference-flags.ts";
import { parseSnapshot, type SnapshotChoice } from "../flags/reference.ts";
import { createOutput } from "../terminal/output.ts";
import { Finished } from "../terminal/report-error.ts";
import { type TestedSnapshot, testedText } from "../text/tested-text.ts";

interface Flags extends ConnectionFlags, InferenceFlags, DataFlags {
  readonly tests?: string;
  readonly heldOut?: true;
  readonly pipelineFile?: string;
  readonly json?: true;
}

export function testCommand(context: CliContext): Command {
  const command = withPeers(
    new Command("test")
      .summary("run the tests of a model on a published snapshot")
      .description(
        "Runs the tests of a snapshot's team, as its manifest records them, and those of the pipeline file, without training, and changes nothing. Everything upstream is what is in use; agreement and repeated failures are measured against the snapshot of the component that is in use, or against the one before if it is the one that is tested. Rows are training rows with the columns that the component's team may see, on which tests of outputs further downstream cannot be run.",
      )
      .argument("<component[@serial]>", "click@2, or click for its snapshot in use", parseSnapshot)
      .option("--tests <file>", "run the tests of this team or pipeline file instead")
      .option(
        "--held-out",
        "use held-out rows, as an evaluator does, and run every test of the pipeline; for where evaluators run: teams must not see these rows",
      )
      .option("--pipeline-file <file>", "the pipeline file (default: the one in the stack file)")
      .option("--json", "print JSON: { snapshot, composition, against, heldOut, passed, tests }"),
    "registry",
  );
  return withInferenceFlags(withDataFlags(command))
    .addHelpText(
      "after",
      `${outcomeHelp("refused")}
A test with \`on_failure: refuse\` that fails refuses the snapshot, unless what it is compared with fails it, too.

Examples:
  uncouple test click
  uncouple test click@2 --tests click.yaml
  uncouple test click@2 --json | jq '.tests[] | select(.passed == false)'
`,
    )
    .action(async (target: SnapshotChoice, flags: Flags) => {
      const output = createOutput(context, flags.json === true);
      const result = await withConnections(context, flags, async (connections) => {
        const { backplane, pipeline } = await connections.place(target.component);
        return testSnapshot(context, flags, { backplane, pipeline, target });
      });
      output.result(result, (style, width) => testedText(result, style, width));
      if (!result.passed) throw new Finished(outcomeCodes.refused);
    });
}

interface Question {
  readonly backplane: Backplane;
  /** Its name. */
  readonly pipeline: string;
  readonly target: SnapshotChoice;
}

async function testSnapshot(context: CliContext, flags: Flags, question: Question): Promise<TestedSnapshot> {
  const { backplane, target } = question;
  const { component } = target;
  const place = await findRows(context, flags, question);
  const written = place.parsed.pipeline;
  componentNamed(written, component);
  const given =
    flags.tests === undefined
      ? undefined
      : await readGivenTests(flags.tests, context.cwd, { pipeline: written.name, component });
  const pipeline = given?.scope === "pipeline" ? { ...written, tests: given.tests } : written;
  const { serial, current } = await compared(context, question, written);
  const manifest = await backplane.registry.manifest(component, serial);
  // Loaded lazily: DuckDB and ONNX Runtime load slowly, and other subcommands do not need them.
  const [{ createComposedTests }, { createModelOf }, { createInference, DEFAULT_INFERENCE }, { createLogger }] =
    await Promise.all([
      import("../../evaluator/model-tests/composed-tests.ts"),
      import("../../evaluator/create-model-of.ts"),
      import("../../inference/client/create-inference.ts"),
      import("../../runtime/logs.ts"),
    ]);
  const { DEFAULT_MAX_MODEL_BYTES } = await import("../../registry/registry.ts");
  const { clock, interrupted: signal, stderr: destination } = context;
  const log = createLogger({ service: "test", clock, level: "warn", destination, format: "pretty" });
  const rows = { ...place, parsed: { ...place.parsed, pipeline } };
  const heldOut = flags.heldOut === true;
  const tested = heldOut ? await readScreenRows(rows, log) : await readTrainingRows(rows, component);
  if (given !== undefined) checkGivenTests(given, pipeline, component, tested.schema);
  const inference = createInference(
    { ...DEFAULT_INFERENCE, ...inferenceSettings(flags) },
    { connector: await inferenceHosts(context, flags), clock },
  );
  const isHere = (test: PipelineTest) => heldOut || (test.component === component && sees(tested, test));
  const here = { ...pipeline, tests: (pipeline.tests ?? []).filter(isHere) };
  const { registry } = backplane;
  const { schema } = tested;
  try {
    const run = createComposedTests({
      pipeline: here,
      ...tested,
      modelOf: createModelOf(here, DEFAULT_MAX_MODEL_BYTES, { registry, schema, signal }),
      inference,
      salt: () => place.generation?.salt,
      signal,
      log,
    });
    const found = await runTests(run, manifest, current, given);
    const elsewhere =
      given?.scope === "component"
        ? []
        : changeable(pipeline, component)
            .filter((test) => !isHere(test))
            .map((test) => skippedHere(test, component));
    const tests = [...found, ...elsewhere];
    if (tests.length === 0) throw untested(manifest, flags.tests);
    return {
      snapshot: snapshotName(manifest),
      composition: { ...current, [component]: serial },
      against: current[component] === undefined ? null : `${component}@${current[component]}`,
      heldOut,
      passed: !tests.some(isRefused),
      tests,
    };
  } finally {
    await inference.close();
  }
}

/** Reads the pipeline file, without its data. */
async function findRows(context: CliContext, flags: Flags, { backplane, pipeline }: Question): Promise<RowsPlace> {
  const path = await findPipelineFile(context, flags);
  const { readPipelineFile } = await import("../../data/read-pipeline.ts");
  const parsed = await readPipelineFile(path);
  if ("problems" in parsed) throw problemsError(parsed.problems);
  if (parsed.pipeline.name !== pipeline) {
    throw new UncoupleError("invalid-argument", `the pipeline file is of ${parsed.pipeline.name}, not of ${pipeline}`);
  }
  return { parsed, path, access: dataAccess(context, flags), generation: await backplane.generations.current() };
}

/** The serial that is tested, and the composition that it is compared with: what is in use, or what was before it. */
async function compared(
  { clock, interrupted }: CliContext,
  { backplane, target: { component, serial: named } }: Question,
  pipeline: Pipeline,
): Promise<{ readonly serial: number; readonly current: Composition }> {
  const [{ withPipelineView }, { inUse, readInForce }] = await Promise.all([
    import("../../composition/pipeline-view.ts"),
    import("../../composition/in-use.ts"),
  ]);
  return withPipelineView({ backplane, clock }, interrupted, async (view, signal) => {
    // In this order: the view then has every snapshot that the newest release names.
    const inForce = await readInForce(backplane);
    await view.catchUp(signal);
    const used = inUse(pipeline, view.history, inForce);
    const serial = named ?? used[component];
    if (serial === undefined) {
      const message = `no snapshot of ${component} is in use; name the one to test, such as ${component}@1`;
      throw new UncoupleError("failed-precondition", message);
    }
    if (serial !== used[component]) return { serial, current: used };
    const { parent } = await backplane.registry.manifest(component, serial);
    const { [component]: _, ...others } = used;
    const isSound = parent !== null && view.history.sound(component).has(parent, Number.POSITIVE_INFINITY);
    return { serial, current: isSound ? { ...others, [component]: parent } : others };
  });
}

/** @throws UncoupleError `failed-precondition` for a snapshot that cannot be used */
async function runTests(
  run: ComposedTests,
  manifest: SnapshotManifest,
  current: Composition,
  given: GivenTests | undefined,
): Promise<readonly JudgedTest[]> {
  const { SnapshotFault } = await import("../../verdicts/snapshot-fault.ts");
  try {
    if (given === undefined) return await run.ofSnapshot(manifest, current);
    if (given.scope === "component") return await run.ofTeam(given.tests, manifest, current);
    return await run.ofComposition(current, { ...current, [manifest.component]: manifest.serial });
  } catch (thrown) {
    if (!(thrown instanceof SnapshotFault)) throw thrown;
    const message = `${snapshotName(thrown)} cannot be used: ${thrown.message}`;
    throw new UncoupleError("failed-precondition", message, { cause: thrown });
  }
}

/** Whether rows have the columns that the slice of a test names. */
function sees({ sample: { table, labels } }: TestedRows, test: PipelineTest): boolean {
  return test.kind !== "slice" || Object.keys(test.where).every((name) => name in table.columns || name in labels);
}

/** The tests that a snapshot of a component can change. */
function changeable({ tests = [], ...pipeline }: Pipeline, component: string): readonly PipelineTest[] {
  return tests.filter((test) => closureOf(pipeline, test.component).includes(component));
}

function skippedHere({ name, kind, onFailure, component }: PipelineTest, team: string): JudgedTest {
  const skipped = `the team of ${team} may not see its columns; --held-out runs it where evaluators run`;
  const result = { name, kind, onFailure, rows: 0, violations: 0, worst: null, passed: true, skipped };
  return { ...result, component, scope: "pipeline" };
}

function untested(manifest: SnapshotManifest, file: string | undefined): UncoupleError {
  const name = snapshotName(manifest);
  return file === undefined
    ? new UncoupleError(
        "failed-precondition",
        `${name} has no tests: neither its manifest nor the pipeline file has one that it can fail; name some with --tests`,
      )
    : new UncoupleError("invalid-argument", `no test of ${file} is about an output that ${name} can change`);
}
