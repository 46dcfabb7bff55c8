import { describe, expect, test } from "vitest";
import { UncoupleError } from "../../../services/common/errors.ts";
import { exitCodeHelp, exitCodeOf, exitCodes, forcedExitCode } from "../../../services/runtime/exit-codes.ts";
import { packageInfo } from "../../../services/runtime/package-info.ts";

describe("exit codes", () => {
  test("are different for every reason, and none is success", () => {
    const codes = [...Object.values(exitCodes), forcedExitCode, 0];
    expect(new Set(codes).size).toBe(codes.length);
  });

  test("come from whatever was thrown", () => {
    expect(exitCodeOf(new UncoupleError("not-found", "no run"))).toBe(3);
    expect(exitCodeOf(new DOMException("stop", "AbortError"))).toBe(130);
    expect(exitCodeOf("a string")).toBe(1);
  });

  test("are all in the help", () => {
    for (const code of Object.values(exitCodes)) expect(exitCodeHelp()).toMatch(new RegExp(`^ +${code}  `, "m"));
  });
});

test("the package finds itself", () => {
  expect(packageInfo()).toEqual({ root: process.cwd(), version: expect.stringMatching(/^\d+\.\d+\.\d+/) });
});
