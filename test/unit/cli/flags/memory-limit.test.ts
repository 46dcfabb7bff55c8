import { Command } from "commander";
import { expect, test } from "vitest";
import { memoryArgs, memoryLimit, withMemoryLimit } from "../../../../services/cli/flags/memory-limit.ts";
import { silentContext } from "../../../helpers/cli-context.ts";

const MEBIBYTE = 2 ** 20;

/** The limit by a flag and by UNCOUPLE_MEMORY_LIMIT. */
function limitOf(flag: string | undefined, variable: string | undefined): number | undefined {
  const command = withMemoryLimit(new Command("service"))
    .exitOverride()
    .configureOutput({ writeErr: () => {} });
  command.parse(flag === undefined ? [] : ["--memory-limit", flag], { from: "user" });
  const env = variable === undefined ? {} : { UNCOUPLE_MEMORY_LIMIT: variable };
  return memoryLimit({ ...silentContext, env }, command.opts());
}

test.each([
  [undefined, undefined, undefined],
  ["768MiB", undefined, 768 * MEBIBYTE],
  [undefined, "1.5GiB", 1536 * MEBIBYTE],
  [undefined, "805306368", 768 * MEBIBYTE],
  // As if it were not set.
  [undefined, "", undefined],
  ["768MiB", "4GiB", 768 * MEBIBYTE],
  // A flag makes the variable irrelevant.
  ["768MiB", "much", 768 * MEBIBYTE],
])("--memory-limit %s with UNCOUPLE_MEMORY_LIMIT=%s is %s bytes", (flag, variable, bytes) => {
  expect(limitOf(flag, variable)).toBe(bytes);
});

test.each(["much", "768MB", "511MiB", "0", "-1GiB", "1e9", "9999999TiB"])("refuses %j, from both", (text) => {
  const expected = "Expected a size such as 768MiB or 2GiB, at least 512MiB.";
  expect(() => limitOf(undefined, text)).toThrow(`UNCOUPLE_MEMORY_LIMIT is "${text}". ${expected}`);
  expect(() => limitOf(`${text}`, undefined)).toThrow(expected);
});

test("is the same for the services of a stack", () => {
  expect(memoryArgs({ memoryLimit: 768 * MEBIBYTE })).toEqual(["--memory-limit", "805306368"]);
  expect(memoryArgs({})).toEqual([]);
});
