import { ENGINES, productFlops, type Size } from "./contestants.ts";
import type { Row } from "./row.ts";

/** Width from which matrix products dominate a step. */
const WIDE = 64;

/**
 * The table of a size: microseconds per step, and for wide models the rate of the matrix products and its share of the
 * machine's. Then, for each of the product's engines, its time relative to the fastest modes of the peers and to onnx:cpu.
 *
 * @param rate of the machine, in GFLOP/s
 */
export function sizeText(size: Size, rows: readonly Row[], rate: number | undefined): string[] {
  const wide = size.widths.length > 3 && Math.max(...size.widths) >= WIDE;
  const lines = [
    `${size.widths.join("-")}, batch ${size.batch}, ${size.threads} thread(s), Adam: microseconds per step`,
  ];
  for (const { engine, microsPerStep } of rows) {
    let line = `  ${engine.padEnd(18)}${microsPerStep.toFixed(microsPerStep < 100 ? 1 : 0).padStart(9)}`;
    if (wide) {
      const reached = productFlops(size) / microsPerStep / 1000;
      line += `${reached.toFixed(1).padStart(8)} GFLOP/s`;
      if (rate !== undefined) line += `, ${((100 * reached) / rate).toFixed(0)} % of the machine's`;
    }
    lines.push(line);
  }
  for (const ours of rows.filter(({ engine }) => Object.hasOwn(ENGINES, engine))) {
    const ratios = [best(rows, "pytorch:"), best(rows, "jax:"), best(rows, "onnx:cpu")]
      .filter((other) => other !== undefined && other !== ours)
      .map((other) => `${(ours.microsPerStep / (other as Row).microsPerStep).toFixed(3)} of ${other?.engine}`);
    if (ratios.length > 0) lines.push(`  ${ours.engine}: ${ratios.join(", ")}`);
  }
  return lines;
}

function best(rows: readonly Row[], prefix: string): Row | undefined {
  const [fastest] = rows
    .filter(({ engine }) => engine.startsWith(prefix))
    .sort((a, b) => a.microsPerStep - b.microsPerStep);
  return fastest;
}
