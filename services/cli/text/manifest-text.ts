import { type SnapshotManifest, snapshotName, type TensorSpec } from "../../pipeline/manifest.ts";
import { failedTestText } from "../../pipeline/model-test-text.ts";
import { sampleText } from "../../pipeline/sample-text.ts";
import { originName } from "../../pipeline/shared.ts";
import { formatNumber } from "../../report/numbers.ts";
import { formatProtocol } from "../flags/protocol-options.ts";
import { testCounts } from "./model-test-text.ts";

/**
 * A manifest as `--json` prints it: the stored document, and beside it the keys of version 1, where scripts that were
 * written for that version find them.
 */
export function manifestJson(manifest: SnapshotManifest): Readonly<Record<string, unknown>> {
  const { contract, provenance } = manifest;
  return { ...provenance, optimiser: provenance.optimizer, ...contract, ...manifest };
}

/** What a manifest says, as pairs of a name and a text. Leaves out what it does not say. */
export function manifestFacts(manifest: SnapshotManifest): (readonly [string, string])[] {
  const { component, parent, contract, provenance } = manifest;
  const { optimizer, schedule, data, startedAt, finishedAt, workers, groups, producer, tests } = provenance;
  const facts: (readonly [string, string | undefined])[] = [
    [
      "from",
      provenance.origin &&
        `${originName(provenance.origin)}: pipeline ${provenance.origin.pipeline} trains it and stores its model`,
    ],
    ["parent", parent === null ? "none" : snapshotName({ component, serial: parent })],
    ["model", provenance.model],
    ["inputs", contract.inputs.map(tensorText).join(", ")],
    ["output", tensorText(contract.output)],
    ["protocol", provenance.protocol && formatProtocol(provenance.protocol)],
    ["counterfactual", provenance.counterfactual],
    ["trained on", upstreamText(manifest)],
    [
      "optimizer",
      optimizer && [optimizer.name, rateText(optimizer), scheduleText(schedule)].filter(Boolean).join(", "),
    ],
    ["steps", stepsText(provenance)],
    ["seed", provenance.seed?.toString()],
    ["workers", workers && `${workers.slots} slots, averaged every ${workers.syncEvery} steps, ${workers.numerics}`],
    ["tuning", provenance.tuning && `trial ${provenance.tuning.trial} of study ${provenance.tuning.study}`],
    ["training loss", provenance.trainingLoss === undefined ? undefined : formatNumber(provenance.trainingLoss)],
    ["data", data && `${data.rows} rows${untilText(data)}, fingerprint ${data.fingerprint.slice(0, 16)}`],
    ["sample", data?.sample && sampleText(data.sample, data.rows)],
    ["tests", tests && testsText(tests)],
    ["groups", groups && `${groups.count} of column ${groups.column}`],
    ["engine", provenance.engine],
    ["numerics", provenance.numerics],
    ["producer", producer && [producer.name, producer.version].filter(Boolean).join(" ")],
    ["model file", `${manifest.size} bytes${opsetText(provenance.opset)}, sha256 ${manifest.digest}`],
    ["pipeline file", manifest.pipelineDigest ?? undefined],
    ["run", `${manifest.runId}${provenance.codeVersion === undefined ? "" : `, code ${provenance.codeVersion}`}`],
    ["trained", startedAt === undefined ? undefined : `${startedAt} to ${finishedAt}`],
    ["published", manifest.publishedAt],
  ];
  return facts.flatMap(([name, text]) => (text === undefined ? [] : [[name, text] as const]));
}

/** `900 of 1500, batch size 64` of a training that ended before its last step; undefined if nothing is known. */
export function stepsText({
  steps,
  stopAfter,
  batch,
}: Pick<SnapshotManifest["provenance"], "steps" | "stopAfter" | "batch">): string | undefined {
  if (steps === undefined) return undefined;
  return `${stopAfter === undefined ? "" : `${stopAfter} of `}${steps}, batch size ${batch}`;
}

/** The snapshots that the inputs were imputed with: `m1@1`. */
export function upstreamText({ provenance }: SnapshotManifest): string {
  const names = Object.entries(provenance.upstream ?? {}).map(([component, serial]) =>
    snapshotName({ component, serial }),
  );
  return names.length === 0 ? "-" : names.join(", ");
}

/** On training rows. */
function testsText(tests: NonNullable<SnapshotManifest["provenance"]["tests"]>): string {
  const failed = tests.filter(({ passed }) => !passed).map((test) => `; failed ${failedTestText(test)}`);
  return `${testCounts(tests)} on training rows${failed.join("")}`;
}

function untilText({ until }: NonNullable<SnapshotManifest["provenance"]["data"]>): string {
  return until === undefined ? "" : ` until ${until}`;
}

function tensorText({ name, kind, width }: TensorSpec): string {
  return kind === "categorical" ? `${name} (text)` : `${name} [${width}]`;
}

function rateText({ learningRate }: { readonly learningRate?: number }): string | undefined {
  return learningRate === undefined ? undefined : `learning rate ${learningRate}`;
}

function scheduleText(schedule: SnapshotManifest["provenance"]["schedule"]): string | undefined {
  return schedule && `${schedule.warmup} warmup steps, decay ${schedule.decay}`;
}

function opsetText(opset: number | undefined): string {
  return opset === undefined ? "" : `, opset ${opset}`;
}
