import { lstat, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readStack, removeStack, type Stack, stackFile, writeStack } from "../../../services/cli/connect/stack-file.ts";
import { readIfThere } from "../../../services/cli/files/write-all.ts";
import { parseNatsAddress } from "../../../services/cli/flags/nats-address.ts";
import { writeWhole } from "../../../services/common/files/write-whole.ts";

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "uncouple-cli-"));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const stack: Stack = {
  version: 1,
  pid: process.pid,
  startedAt: "2030-01-01T00:00:00.000Z",
  pipeline: "paper",
  pipelineFile: "/p/pipeline.yaml",
  components: ["m1", "m2"],
  natsUrl: "nats://127.0.0.1:4222",
  trainers: { m1: "127.0.0.1:1" },
  evaluator: "127.0.0.1:2",
  metrics: { evaluator: "http://127.0.0.1:3/metrics" },
};

describe("the stack file", () => {
  it("round-trips, is readable by its user only, and can be removed", async () => {
    expect(await readStack(dir)).toBeUndefined();
    await writeStack(join(dir, "new"), stack);
    expect(await readStack(join(dir, "new"))).toEqual(stack);
    expect((await stat(stackFile(join(dir, "new")))).mode & 0o077).toBe(0);
    expect(await readdir(join(dir, "new"))).toEqual(["stack.json"]);
    await removeStack(join(dir, "new"), process.pid + 1);
    expect(await readStack(join(dir, "new"))).toEqual(stack);
    await removeStack(join(dir, "new"), process.pid);
    expect(await readStack(join(dir, "new"))).toBeUndefined();
  });

  it.each(["", "{}", '{"version":2}', JSON.stringify({ ...stack, pid: "x" })])(
    "rejects %j, naming the file",
    async (text) => {
      await writeFile(stackFile(dir), text);
      await expect(readStack(dir)).rejects.toMatchObject({ code: "invalid-argument" });
      await expect(readStack(dir)).rejects.toThrow(stackFile(dir));
    },
  );
});

describe("an atomically written file", () => {
  const bytes = new Uint8Array([1, 2, 3]);

  it("contains the bytes, and leaves no temporary file", async () => {
    await writeWhole(join(dir, "m.onnx"), "m.onnx", bytes, false);
    expect(new Uint8Array(await readFile(join(dir, "m.onnx")))).toEqual(bytes);
    expect(await readdir(dir)).toEqual(["m.onnx"]);
  });

  it("never overwrites a file unless told to", async () => {
    await writeFile(join(dir, "m.onnx"), "precious");
    await expect(writeWhole(join(dir, "m.onnx"), "m.onnx", bytes, false)).rejects.toMatchObject({ code: "conflict" });
    expect(await readFile(join(dir, "m.onnx"), "utf8")).toBe("precious");
    await writeWhole(join(dir, "m.onnx"), "m.onnx", bytes, true);
    expect(new Uint8Array(await readFile(join(dir, "m.onnx")))).toEqual(bytes);
    expect(await readdir(dir)).toEqual(["m.onnx"]);
  });

  it("is written to a device without replacing it", async () => {
    await symlink("/dev/null", join(dir, "m.onnx"));
    await writeWhole(join(dir, "m.onnx"), "m.onnx", bytes, true);
    expect((await stat(join(dir, "m.onnx"))).isCharacterDevice()).toBe(true);
    expect(await readdir(dir)).toEqual(["m.onnx"]);
  });

  it("is written through a symbolic link, and keeps its permissions", async () => {
    await mkdir(join(dir, "teams"));
    await writeFile(join(dir, "teams", "m2.yaml"), "old", { mode: 0o640 });
    await symlink(join("teams", "m2.yaml"), join(dir, "m2.yaml"));
    await writeWhole(join(dir, "m2.yaml"), "m2.yaml", "new", true);
    expect(await readFile(join(dir, "teams", "m2.yaml"), "utf8")).toBe("new");
    expect((await stat(join(dir, "teams", "m2.yaml"))).mode & 0o777).toBe(0o640);
    expect((await lstat(join(dir, "m2.yaml"))).isSymbolicLink()).toBe(true);
  });

  it("does not replace a folder", async () => {
    await mkdir(join(dir, "m.onnx"));
    await expect(writeWhole(join(dir, "m.onnx"), "m.onnx", bytes, false)).rejects.toMatchObject({ code: "conflict" });
    const forced = writeWhole(join(dir, "m.onnx"), "m.onnx", bytes, true);
    await expect(forced).rejects.toThrow("cannot write m.onnx: it is a folder");
    expect(await readdir(dir)).toEqual(["m.onnx"]);
  });

  it("fails in a missing folder, with the name that the user gave", async () => {
    const writing = writeWhole(join(dir, "no", "m.onnx"), "no/m.onnx", bytes, false);
    await expect(writing).rejects.toThrow("cannot write no/m.onnx: no such folder");
  });
});

describe("a file that may be there", () => {
  it("has its text, and a device, a pipe or a missing file has none", async () => {
    await writeFile(join(dir, "m2.yaml"), "component: m2\n");
    expect(await readIfThere(join(dir, "m2.yaml"))).toBe("component: m2\n");
    expect(await readIfThere("/dev/zero")).toBeUndefined();
    expect(await readIfThere(join(dir, "m3.yaml"))).toBeUndefined();
    await expect(readIfThere(dir)).rejects.toThrow("it is a folder");
  });
});

describe("NATS addresses", () => {
  it.each([
    ["nats://127.0.0.1:4222", { url: "nats://127.0.0.1:4222" }],
    ["127.0.0.1:4222", { url: "nats://127.0.0.1:4222" }],
    ["nats://a:1, nats://b:2", { url: "nats://a:1,nats://b:2" }],
    [
      "tls://me:p%40ss@nats.example:4222",
      { url: "tls://nats.example:4222", credentials: { user: "me", password: "p@ss" } },
    ],
  ])("%s", (text, expected) => {
    expect(parseNatsAddress(text)).toEqual(expected);
  });

  it.each(["", "http://a:1", "nats://", "nats://a:1,ftp://b", "nats://me:100%@a:1"])("reject %j", (text) => {
    expect(() => parseNatsAddress(text)).toThrow(/^invalid NATS address .*: expected nats:\/\/host:port/);
  });

  it("are rejected without showing a password", () => {
    expect(() => parseNatsAddress("http://me:secret@a:1")).toThrow(/^(?!.*secret)/);
  });
});
