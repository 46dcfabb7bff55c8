import { LIMITS } from "../../services/learning/snapshot/inspection/limits.ts";
import { DOMAINS } from "../../services/learning/snapshot/inspection/operators.ts";

/** The tables of docs/models.md, from the code. */

export function operatorTable(): string {
  return table(
    ["domain", "opsets", "operators"],
    DOMAINS.map(({ name, firstOpset, lastOpset, operators }) => [
      `\`${name}\``,
      `${firstOpset} to ${lastOpset}`,
      [...operators.keys()].join(", "),
    ]),
  );
}

const MEANINGS: Readonly<Record<keyof typeof LIMITS, string>> = {
  nodes: "nodes of a model, with those of the graphs inside it",
  nesting: "levels of graphs inside graphs",
  dimension: "elements of a declared dimension",
  elements: "elements of a tensor, in a call of 4,096 rows",
  multiplications: "multiplications in matrix products for one row",
  scanSteps: "steps of a Scan that is not over rows",
};

export function limitTable(): string {
  return table(
    ["at most", "of"],
    (Object.keys(LIMITS) as (keyof typeof LIMITS)[]).map((limit) => [
      LIMITS[limit].toLocaleString("en-US"),
      MEANINGS[limit],
    ]),
  );
}

function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  return [header, header.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}
