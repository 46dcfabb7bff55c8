import { existsSync } from "node:fs";
import { describe, it } from "vitest";
import { expectAgreementInChild } from "../helpers/compare-in-child.ts";

/** Chromium contains a software Vulkan and its loader, which suffice to test the WebGPU provider without a GPU. */
const CHROMIUM = "/usr/lib/chromium";
const SWIFTSHADER = `${CHROMIUM}/vk_swiftshader_icd.json`;

async function expectAgreement(engine: string, environments: Record<string, string>[]): Promise<string | undefined> {
  let reason: string | undefined;
  for (const env of environments) {
    try {
      await expectAgreementInChild(engine, env);
      return undefined;
    } catch (thrown) {
      const message = thrown instanceof Error ? thrown.message : String(thrown);
      reason = /cannot start on this machine: .*/.exec(message)?.[0];
      if (reason === undefined) throw thrown;
    }
  }
  return reason;
}

describe("GPU engines agree with tfjs over 50 steps, through a checkpoint", () => {
  it("onnx:webgpu, on a GPU or a software Vulkan", async (context) => {
    const software = { LD_LIBRARY_PATH: CHROMIUM, VK_DRIVER_FILES: SWIFTSHADER };
    const reason = await expectAgreement("onnx:webgpu", existsSync(SWIFTSHADER) ? [{}, software] : [{}]);
    if (reason !== undefined) context.skip(`onnx:webgpu ${reason}`);
  });

  it("onnx:cuda", async (context) => {
    const reason = await expectAgreement("onnx:cuda", [{}]);
    if (reason !== undefined) context.skip(`onnx:cuda ${reason}`);
  });
});
