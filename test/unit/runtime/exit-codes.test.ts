import { describe, expect, test } from "vitest";
import { UncoupleError } from "../../../services/common/errors.ts";
import {
  exitCodeHelp,
  exitCodeOf,
  exitCodes,
  failOnExitCode,
  forcedExitCode,
} from "../../../services/runtime/exit-codes.ts";
import { packageInfo } from "../../../services/runtime/package-info.ts";

describe("exit codes", () => {
  test("differ for every reason and are never 0", () => {
    const codes = [...Object.values(exitCodes), forcedExitCode, failOnExitCode, 0];
    expect(new Set(codes).size).toBe(codes.length);
  });

  test("are defined for any thrown value", () => {
    expect(exitCodeOf(new UncoupleError("not-found", "no run"))).toBe(3);
    expect(exitCodeOf(new DOMException("stop", "AbortError"))).toBe(130);
    expect(exitCodeOf("a string")).toBe(1);
  });

  test("are all listed in the help", () => {
    for (const code of Object.values(exitCodes)) expect(exitCodeHelp()).toMatch(new RegExp(`^ +${code}  `, "m"));
  });
});

test("packageInfo finds Uncouple's own package", () => {
  expect(packageInfo()).toEqual({ root: process.cwd(), version: expect.stringMatching(/^\d+\.\d+\.\d+/) });
});
