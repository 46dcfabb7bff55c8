import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { UncoupleError } from "../../../services/common/errors.ts";
import {
  exitCodeHelp,
  exitCodeOf,
  exitCodes,
  forcedExitCode,
  outcomeCodes,
  outcomeHelp,
} from "../../../services/runtime/exit-codes.ts";
import { packageInfo } from "../../../services/runtime/package-info.ts";

describe("exit codes", () => {
  test("differ for every reason and are never 0", () => {
    const codes = [...Object.values(exitCodes), ...Object.values(outcomeCodes), forcedExitCode, 0];
    expect(new Set(codes).size).toBe(codes.length);
  });

  test("are defined for any thrown value", () => {
    expect(exitCodeOf(new UncoupleError("not-found", "no run"))).toBe(3);
    expect(exitCodeOf(new DOMException("stop", "AbortError"))).toBe(130);
    expect(exitCodeOf("a string")).toBe(1);
  });

  test("are all listed in the help", () => {
    for (const code of [...Object.values(exitCodes), ...Object.values(outcomeCodes)])
      expect(exitCodeHelp()).toMatch(new RegExp(`^ +${code}  `, "m"));
  });

  test("of outcomes are in the help of the commands that have them, and in the docs", async () => {
    expect(outcomeHelp("refused", "undecided")).toMatch(/^ +20 {2}.*\n +23 {2}/m);
    const docs = await readFile(resolve(packageInfo().root, "docs/operations.md"), "utf8");
    for (const line of exitCodeHelp().split("\n")) {
      const [code = "", meaning = ""] = line.trim().split(/ {2}/);
      expect(docs).toContain(`| ${code} | ${meaning} |`);
    }
  });
});

test("packageInfo finds Uncouple's own package", () => {
  expect(packageInfo()).toEqual({ root: process.cwd(), version: expect.stringMatching(/^\d+\.\d+\.\d+/) });
});
