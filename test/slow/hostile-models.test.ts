import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { systemClock } from "../../services/common/clock/system-clock.ts";
import { createRandom } from "../../services/data/random/random.ts";
import { createInference } from "../../services/inference/client/create-inference.ts";
import { madeUpColumn } from "../../services/inference/offline/made-up-rows.ts";
import { reportModel } from "../../services/inference/offline/report-model.ts";
import { ModelFault } from "../../services/learning/snapshot/faults/model-fault.ts";
import { inspectModel } from "../../services/learning/snapshot/inspection/inspect-model.ts";
import type { SnapshotContract } from "../../services/learning/snapshot/snapshot-model.ts";
import { outcomeCodes } from "../../services/runtime/exit-codes.ts";
import { corpus } from "../corpus/all-cases.ts";
import { INPUT, OUTPUT, soundModel } from "../corpus/build-model.ts";
import { reasonsOf } from "../corpus/corpus-case.ts";
import { denseBytes, oracleOf } from "../helpers/dense-snapshots.ts";
import { testHosts } from "../helpers/hosts.ts";
import { mutate } from "../helpers/mutate.ts";
import { spawnCli } from "../helpers/spawn-cli.ts";

const cases = corpus("canary.bin");
const ROWS = 300;

const contract: SnapshotContract = {
  inputs: [{ name: INPUT.name, kind: "numeric", width: INPUT.width }],
  output: { name: OUTPUT.name, kind: "numeric", width: OUTPUT.width },
};
const subject = {
  contract,
  output: { name: OUTPUT.name, width: OUTPUT.width, meaning: "real" as const },
  table: {
    rows: ROWS,
    columns: { [INPUT.name]: madeUpColumn({ name: INPUT.name, kind: "numeric", width: INPUT.width }, ROWS) },
  },
};

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "uncouple-hostile-"));
  await writeFile(join(folder, "canary.bin"), "a canary");
  await Promise.all(cases.map((one, index) => writeFile(join(folder, `${index}.onnx`), one.bytes())));
});
afterAll(() => rm(folder, { recursive: true }));

test("models that end at the limits of time and memory are refused for them, and the next one is tried", async () => {
  const expensive = cases.flatMap((one, index) =>
    one.found === "host" && reasonsOf(one).includes("too-expensive") ? [index] : [],
  );
  await writeFile(join(folder, "sound.onnx"), soundModel());
  const files = [...expensive.map((index) => `${index}.onnx`), "sound.onnx"];
  const flags = ["--json", "--inference-timeout", "10s", "--inference-memory", String(2 ** 30)];
  const run = spawnCli(["inspect", ...files, ...flags], { cwd: folder });
  expect(await run.ended, run.stderr()).toBe(outcomeCodes.refused);
  const reasons = run
    .stdout()
    .trim()
    .split("\n")
    .map((line) => (JSON.parse(line) as { reason: string | null }).reason);
  expect(reasons.pop()).toBe(null);
  expensive.forEach((index, at) => {
    const one = cases[index] as (typeof cases)[number];
    expect(reasonsOf(one), one.name).toContain(reasons[at]);
  });
});

test("no model makes a process open a file that it names", async ({ skip }) => {
  const traced = await promisify(execFile)("strace", ["-V"]).then(
    () => true,
    () => false,
  );
  if (!traced) skip("strace not found");
  const found = cases.flatMap(({ name }, index) => (name.startsWith("external data") ? [`${index}.onnx`] : []));
  const program = [
    process.execPath,
    "--import",
    import.meta.resolve("tsx"),
    join(import.meta.dirname, "../../services/cli/main.ts"),
  ];
  const trace = join(folder, "trace");
  const strace = promisify(execFile)(
    "strace",
    ["--follow-forks", "--trace=file", "--output", trace, ...program, "inspect", ...found],
    { cwd: folder },
  );
  await expect(strace).rejects.toMatchObject({ code: outcomeCodes.refused });
  const opened = await readFile(trace, "utf8");
  for (const name of found) expect(opened).toContain(name);
  expect(opened).not.toContain("canary");
});

test("a minute of mutated models ends in verdicts and reasons only", async () => {
  const seed = Number(process.env.FUZZ_SEED ?? Math.floor(Math.random() * 2 ** 31));
  console.log(`FUZZ_SEED=${seed}`);
  const sound = [
    soundModel(),
    denseBytes(oracleOf("m1"), "z"),
    ...cases.filter(({ found, reason }) => found === "host" && reason === "not-row-wise").map((one) => one.bytes()),
  ];
  const counts: Record<string, number> = {};
  const inference = createInference(
    { hosts: 1, timeoutSeconds: 20, memoryBytes: 2 ** 30 },
    { connector: testHosts, clock: systemClock },
  );
  try {
    const until = Date.now() + 60_000;
    for (let index = 0; Date.now() < until; index++) {
      const random = createRandom(seed, "fuzz", index);
      const bytes = mutate(sound[random.below(sound.length)] as Uint8Array, random);
      const context = `FUZZ_SEED=${seed}, mutant ${index}`;
      const refusal = refusalOf(bytes, context);
      const reason =
        refusal ??
        (
          await reportModel("mutant", bytes, inference, subject).catch((thrown: unknown) => {
            throw new Error(context, { cause: thrown });
          })
        ).reason;
      counts[reason ?? "accepted"] = (counts[reason ?? "accepted"] ?? 0) + 1;
    }
  } finally {
    await inference.close();
  }
  console.log(counts);
  expect(counts["malformed-model"]).toBeGreaterThan(0);
  expect(counts.accepted).toBeGreaterThan(0);
});

function refusalOf(bytes: Uint8Array, context: string): string | undefined {
  try {
    inspectModel(bytes);
  } catch (thrown) {
    if (thrown instanceof ModelFault) return thrown.reason;
    throw new Error(context, { cause: thrown });
  }
  return undefined;
}
