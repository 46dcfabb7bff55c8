import { createRequire } from "node:module";
import * as tf from "@tensorflow/tfjs";
import { describe, expect, it } from "vitest";
import { systemClock } from "../../services/common/clock/system-clock.ts";
import { createTensorflowEngine } from "../../services/engine/eager/tensorflow-engine.ts";
import type { EngineProbe } from "../../services/engine/interface/engine.ts";
import { loadTensorflow } from "../../services/engine/tensorflow/load-tensorflow.ts";
import { createTfjsSandbox } from "../../services/engine/tfjs/tfjs-sandbox.ts";
import { expectAgreementInChild } from "../helpers/compare-in-child.ts";
import { equalityPrograms, expectAgreement } from "../helpers/engine-equality.ts";
import { runCliProcess } from "../helpers/spawn-cli.ts";

/** How TensorFlow logs what is no error. */
const TENSORFLOW_CHATTER = /^(WARNING|[IW]\d{4} )/m;

const tensorflow = createTensorflowEngine(systemClock);

describe("the engine tensorflow agrees with tfjs over 50 steps", () => {
  for (const { name, program } of equalityPrograms.filter(({ hasGradient }) => hasGradient)) {
    it(name, () => expectAgreement([tensorflow], program));
  }

  it("through a checkpoint, in a process of its own", () => expectAgreementInChild("tensorflow"));
});

describe("tfjs-node", () => {
  it("runs the kernels that call functions which Node 23 removed", () => {
    const { values, indices } = createTfjsSandbox("tensorflow").run(() => {
      const top = tf.topk(tf.tensor1d([3, 1, 4, 1, 5]), 2);
      return { values: [...top.values.dataSync()], indices: [...top.indices.dataSync()] };
    });
    expect({ values, indices }).toEqual({ values: [5, 4], indices: [4, 2] });
  });

  it("is loaded from the package whose binding was built", () => {
    const { package: name, version } = loadTensorflow();
    const { version: ofPackage } = createRequire(import.meta.url)(`${name}/package.json`) as { version: string };
    expect(ofPackage).toBe(tf.version.tfjs);
    expect(version).toMatch(/^2\.\d+\.\d+/);
  });
});

it("doctor reports what the engine runs on, and how fast it is", async () => {
  const { code, stdout, stderr } = await runCliProcess(["doctor", "--json"]);
  expect(code).toBe(0);
  expect(stderr).not.toMatch(TENSORFLOW_CHATTER);
  const { engines } = JSON.parse(stdout) as { engines: EngineProbe[] };
  const probe = engines.find(({ choice }) => choice === "tensorflow");
  expect(probe).toMatchObject({
    available: true,
    detail: expect.stringMatching(/^@tensorflow\/\S+ with TensorFlow 2/),
  });
  expect(probe?.microsPerStep).toBeGreaterThan(0);
});
