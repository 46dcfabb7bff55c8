import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { z } from "zod";

const row = z.strictObject({
  engine: z.string(),
  model: z.string(),
  batch: z.int().positive(),
  threads: z.int().positive(),
  microsPerStep: z.number().positive(),
});

const product = z.strictObject({
  library: z.string(),
  m: z.int(),
  k: z.int(),
  n: z.int(),
  threads: z.int(),
  gflops: z.number().positive(),
});

const output = z.strictObject({
  machine: z.strictObject({
    cpu: z.string(),
    cores: z.int().positive(),
    simd: z.string(),
    node: z.string(),
    load: z.number(),
    realTime: z.boolean(),
  }),
  rows: z.array(row),
  products: z.array(product),
  compileTimes: z.array(
    z.strictObject({ engine: z.string(), coldMillis: z.number().positive(), cachedMillis: z.number().positive() }),
  ),
  skipped: z.array(z.string()),
});

describe("npm run bench:engine", () => {
  it("measures each engine at a size, and says which peers it left out", async () => {
    const args = ["--rounds", "1", "--json", "--model", "10-3", "--python", "/does-not-exist"];
    const command = ["--import", "tsx", "test/bench/engine.ts", ...args];
    const { stdout } = await promisify(execFile)(process.execPath, command);
    const { rows, skipped } = output.parse(JSON.parse(stdout));
    expect(rows.map(({ engine }) => engine)).toEqual(["wasm", "onnx:cpu", "auto", "tfjs-wasm", "tfjs-cpu"]);
    for (const { model, batch, threads } of rows) expect([model, batch, threads]).toEqual(["10-3", 64, 1]);
    for (const peer of ["pytorch", "jax"]) {
      expect(skipped).toContain(`${peer} skipped: /does-not-exist: spawn /does-not-exist ENOENT`);
    }
  });
});
