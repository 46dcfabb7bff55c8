import { formatSeconds } from "../../report/numbers.ts";
import type { Style } from "../terminal/style.ts";
import { formatTable } from "../terminal/table.ts";
import type { StormResults } from "./storm.ts";
import type { StormEvent } from "./stormy-workers.ts";

/** `worker m1-2 stopped for 6 s` */
export function faultText({ worker, what, seconds }: StormEvent): string {
  return `worker ${worker} ${what}${seconds === undefined ? "" : ` for ${seconds} s`}`;
}

/** Digits of a digest that are shown: enough to tell any two apart. */
const DIGITS = 16;

export function stormText(results: StormResults, style: Style, width?: number): string {
  const { outcomes, kills, stops, units, workers, seconds } = results;
  const rows = outcomes.map(({ component, undisturbed, storm, equal }) => [
    component.toUpperCase(),
    `${undisturbed.digest.slice(0, DIGITS)} (${undisturbed.snapshot})`,
    `${storm.digest.slice(0, DIGITS)} (${storm.snapshot})`,
    equal ? style.green("the same bits") : style.red("DIFFERENT BITS"),
  ]);
  const fates = Object.entries(units)
    .filter(([, count]) => count > 0)
    .map(([fate, count]) => `${count} ${fate}`);
  return [
    formatTable(
      [{ title: "COMPONENT" }, { title: "UNDISTURBED, SHA-256" }, { title: "IN THE STORM, SHA-256" }, { title: "" }],
      rows,
      style,
      width,
    ),
    `${kills} kills and ${stops} stops of ${workers} workers; M1's units: ${fates.join(", ")}; ${formatSeconds(seconds)} in all.`,
    "",
  ].join("\n");
}
