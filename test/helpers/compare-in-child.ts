import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect } from "vitest";

/**
 * Expects an engine to agree with the reference engine over 50 steps, through a checkpoint, in a process of its own.
 *
 * @throws Error if the engine does not start there, with its reason
 */
export async function expectAgreementInChild(engine: string, env: Readonly<Record<string, string>> = {}) {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ["--import", "tsx", "test/helpers/compare-engines.ts", engine],
    { env: { ...process.env, ...env } },
  );
  const result = JSON.parse(stdout) as { lossDifference: number; weightDifference: number };
  expect(result.lossDifference).toBeLessThanOrEqual(1e-4);
  expect(result.weightDifference).toBeLessThanOrEqual(1e-3);
}
