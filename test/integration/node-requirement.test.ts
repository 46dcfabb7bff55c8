import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { runCliProcess } from "../helpers/spawn-cli.ts";

const manifest = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
const [, major = "", minor = ""] = /^>=(\d+)\.(\d+)$/.exec(manifest.engines.node) ?? [];

/** Runs the command under a Node that claims to be another version. */
const uncouple = (version: string) => {
  const code = `Object.defineProperty(process, "versions", { value: { ...process.versions, node: "${version}" } })`;
  return runCliProcess(["--version"], {
    env: { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(code)}` },
  });
};

describe("the `uncouple` command", () => {
  it("rejects a Node older than package.json allows, in one line", async () => {
    const older = `${major}.${Number(minor) - 1}.9`;
    const { code, stdout, stderr } = await uncouple(older);
    expect({ code, stdout }).toEqual({ code: 5, stdout: "" });
    expect(stderr).toBe(
      `uncouple: requires Node ${major}.${minor} or newer; this is Node ${older} (${process.execPath})\n`,
    );
  });

  it.each([`${major}.${minor}.0`, `${Number(major) + 1}.0.0`])("runs on Node %s", async (version) => {
    expect(await uncouple(version)).toEqual({ code: 0, stdout: `${manifest.version}\n`, stderr: "" });
  });
});
