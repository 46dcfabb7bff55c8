import { systemClock } from "../../services/common/clock/system-clock.ts";
import { createAutoEngine } from "../../services/engine/auto/auto-engine.ts";
import { benchmarkChunk, benchmarkData, benchmarkProgram } from "../../services/engine/benchmark-program.ts";
import { createEagerEngine, createReferenceEngine } from "../../services/engine/eager/eager-engine.ts";
import type { Engine } from "../../services/engine/interface/engine.ts";
import { createOnnxEngine } from "../../services/engine/onnx/onnx-engine.ts";
import { createWasmEngine } from "../../services/engine/wasm/wasm-engine.ts";
import type { Peer } from "./peers/peer.ts";

/** A dense network, its batch, and the number of cores that it is trained on. */
export interface Size {
  readonly widths: readonly number[];
  readonly batch: number;
  readonly threads: number;
}

/** An engine or a peer with a prepared training run. */
export interface Contestant {
  readonly name: string;
  /** Microseconds per step of the fastest stretch of about ten milliseconds, within half a second. */
  measure(): Promise<number>;
  close(): Promise<void>;
}

const SECONDS = 0.5;
const STRETCH_MS = 12;
/** Floating-point operations of a step from which the slow engines are left out: they would take minutes. */
const TOO_SLOW = 1e9;

/** The product's engines; each is measured at every size. */
export const ENGINES: Readonly<Record<string, (threads: number) => Engine>> = {
  wasm: () => createWasmEngine({ clock: systemClock }),
  "onnx:cpu": (threads) => createOnnxEngine("cpu", { clock: systemClock, threads }),
  // Its threads are those of the available processors, to which the benchmark is pinned.
  auto: () => createAutoEngine({ clock: systemClock }),
};

/** tfjs's own backends, on one thread. */
const SLOW_ENGINES: Readonly<Record<string, () => Engine>> = {
  "tfjs-wasm": () => createEagerEngine("tfjs-wasm", "wasm", systemClock),
  "tfjs-cpu": () => createReferenceEngine(systemClock),
};

/**
 * Floating-point operations of the matrix products of a step: forward, gradients of the weights, and gradients of the
 * inputs, which the first layer does not need.
 */
export function productFlops({ widths, batch }: Size): number {
  const products = widths.slice(1).map((width, index) => width * (widths[index] as number));
  const sum = products.reduce((total, product) => total + product, 0);
  return batch * (6 * sum - 2 * (products[0] as number));
}

/** Opens a training session and times its chunks. */
export async function engineContestant(name: string, engine: Engine, size: Size): Promise<Contestant> {
  const program = benchmarkProgram(size.widths, size.batch);
  const rows = Math.max(4096, size.batch);
  const session = await engine.prepare(program, benchmarkData(program, rows), rows);
  let steps = 1;
  await session.run(benchmarkChunk(program, rows, steps));
  return {
    name,
    close: () => session.dispose(),
    async measure() {
      let best = Number.POSITIVE_INFINITY;
      const start = performance.now();
      for (;;) {
        const chunk = benchmarkChunk(program, rows, steps);
        const before = performance.now();
        await session.run(chunk);
        const now = performance.now();
        best = Math.min(best, (now - before) / steps);
        // By the fastest, because other work on the machine lengthens single stretches.
        if (best * steps < STRETCH_MS) while (best * steps < STRETCH_MS) steps *= 2;
        else if (now - start >= SECONDS * 1000) return best * 1000;
      }
    },
  };
}

/** Prepares everything that `wanted` names for a size. `skip` receives what could not take part, and why, in one line. */
export async function contestantsFor(
  size: Size,
  peers: readonly Peer[],
  wanted: (name: string) => boolean,
  skip: (line: string) => void,
): Promise<Contestant[]> {
  const contestants: Contestant[] = [];
  const slow = size.threads === 1 && productFlops(size) < TOO_SLOW ? SLOW_ENGINES : {};
  for (const [name, create] of Object.entries({ ...ENGINES, ...slow })) {
    if (wanted(name)) contestants.push(await engineContestant(name, create(size.threads), size));
  }
  for (const peer of peers) {
    for (const mode of peer.hello.modes) {
      const name = `${peer.kind.name}:${mode}`;
      if (!wanted(name)) continue;
      const model = { mode, widths: size.widths, batch: size.batch, device: "cpu" } as const;
      try {
        await peer.microsPerStep(model, 0);
      } catch (thrown) {
        skip(`${name} skipped: ${(thrown as Error).message}`);
        continue;
      }
      contestants.push({ name, measure: () => peer.microsPerStep(model, SECONDS), close: async () => {} });
    }
  }
  return contestants;
}
