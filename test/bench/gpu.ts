import { systemClock } from "../../services/common/clock/system-clock.ts";
import { createOnnxEngine } from "../../services/engine/onnx/onnx-engine.ts";
import { probeProvider } from "../../services/engine/onnx/probe-provider.ts";
import { engineContestant, type Size } from "./contestants.ts";
import { median } from "./median.ts";
import type { Peer } from "./peers/peer.ts";
import type { Row } from "./row.ts";

/** Measures wide models on the GPU, if there is one, and PyTorch on it if it sees one. */
export async function gpuRows(
  peers: readonly Peer[],
  say: (line: string) => void,
  skip: (line: string) => void,
): Promise<Row[]> {
  const rows: Row[] = [];
  const torch = peers.find(({ kind }) => kind.name === "pytorch");
  const add = (engine: string, { widths, batch, threads }: Size, microsPerStep: number) => {
    const row = { engine, model: widths.join("-"), batch, threads, microsPerStep };
    rows.push(row);
    say(`${engine} ${row.model}: ${((batch / microsPerStep) * 1e6).toFixed(0)} samples per second`);
  };
  for (const provider of ["webgpu", "cuda"] as const) {
    const probe = await probeProvider(provider, systemClock);
    if (!probe.starts || !probe.gpu) {
      skip(`onnx:${provider} skipped: ${probe.detail}`);
      continue;
    }
    for (const width of [64, 1024, 4096]) {
      const size: Size = { widths: [10, width, width, 3], batch: 4096, threads: 1 };
      const name = `onnx:${provider}`;
      const engine = await engineContestant(name, createOnnxEngine(provider, { clock: systemClock }), size);
      add(name, size, median([await engine.measure(), await engine.measure(), await engine.measure()]));
      await engine.close();
      if (torch?.hello.cuda) {
        const model = { mode: "fused", widths: size.widths, batch: size.batch, device: "cuda" } as const;
        add("pytorch:cuda", size, await torch.microsPerStep(model, 2));
      }
    }
  }
  return rows;
}
