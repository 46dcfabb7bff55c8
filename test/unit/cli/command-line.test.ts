import { stripVTControlCharacters } from "node:util";
import { describe, expect, it } from "vitest";
import { ENGINE_CHOICES } from "../../../services/pipeline/team.ts";
import { exitCodes } from "../../../services/runtime/exit-codes.ts";
import { cli } from "../../helpers/cli.ts";

describe("the command line", () => {
  it("without arguments, prints help with every command and exit code on stdout", async () => {
    const { code, stdout, stderr } = await cli([]);
    expect(code).toBe(0);
    expect(stderr).toBe("");
    for (const exitCode of Object.values(exitCodes)) expect(stdout).toContain(` ${exitCode}  `);
    expect(stdout).toContain("explain");
  });

  it("has help with an example for every command", async () => {
    const { stdout } = await cli([]);
    const commands = [...(/\nCommands:\n(.*)\nGet started/s.exec(stdout)?.[1] ?? "").matchAll(/^ {2}([a-z-]+) /gm)].map(
      ([, name]) => name,
    );
    expect(commands.length).toBeGreaterThan(15);
    for (const name of commands.filter((one) => one !== "help")) {
      const help = await cli([name ?? "", "--help"], { tty: true });
      expect(help.code).toBe(0);
      expect(stripVTControlCharacters(help.stdout)).toMatch(/\nExamples?:\n {2}uncouple /);
    }
  });

  it("prints its version", async () => {
    expect((await cli(["--version"])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  it("prints escape sequences only to a terminal", async () => {
    expect((await cli(["explain", "causal"])).stdout).not.toContain("\u001b");
    expect((await cli(["explain", "causal"], { tty: true })).stdout).toContain("\u001b[1m");
  });

  it("prints JSON without styles even on a terminal, and nothing else on stdout", async () => {
    const { stdout, stderr } = await cli(["explain", "proximal", "--json"], { tty: true });
    const protocol = JSON.parse(stdout) as { name: string; equation: string; parameters: Record<string, unknown> };
    expect(protocol.name).toBe("proximal");
    expect(protocol.equation).toContain("lambda");
    expect(Object.keys(protocol.parameters)).toEqual(["lambda", "sigma"]);
    expect(stderr).toBe("");
  });
});

describe("explain", () => {
  it("describes every choice of an engine, and how auto chooses", async () => {
    const { stdout } = await cli(["explain", "engine"]);
    for (const choice of ENGINE_CHOICES) expect(stdout).toContain(`${choice}\n`);
    expect(stdout).toContain("onnx:cpu wins a tie");
    const json = JSON.parse((await cli(["explain", "engine", "--json"])).stdout) as { engines: { choice: string }[] };
    expect(json.engines.map(({ choice }) => choice)).toEqual(ENGINE_CHOICES);
  });

  it("gives every protocol's equation, advice and parameters with their ranges", async () => {
    const list = JSON.parse((await cli(["explain", "--json"])).stdout) as { name: string; equation: string }[];
    expect(list.map(({ name }) => name)).toEqual(expect.arrayContaining(["sync", "async", "proximal", "causal"]));
    for (const { name, equation } of list) {
      const { stdout } = await cli(["explain", name]);
      expect(stdout.replaceAll(/\s+/g, " ")).toContain(equation.replaceAll(/\s+/g, " "));
    }
    expect((await cli(["explain", "proximal"])).stdout).toContain("sigma: at least 0 (default 0.15)");
  });

  it("says what the sources of a causal protocol do with labels of a probability", async () => {
    const { stdout } = await cli(["explain", "causal"]);
    expect(stdout.replaceAll(/\s+/g, " ")).toContain("auto then skips pooled and audit-direct");
    const json = JSON.parse((await cli(["explain", "causal", "--json"])).stdout) as { labels: string };
    expect(json.labels).toContain("calibration fits f at E[z | x1], the probability");
    expect(JSON.parse((await cli(["explain", "async", "--json"])).stdout)).not.toHaveProperty("labels");
  });
});
