import { furtherTables } from "../../experiments/further-tables.ts";
import { figure1ClosedForm } from "../../experiments/paper/figure1.ts";
import { countOrderings } from "../../experiments/paper/orderings.ts";
import type { Reproduction } from "../../experiments/reproduce.ts";
import {
  GATED_COLUMNS,
  GATED_TEXT,
  gatedTableRows,
  harmText,
  ownUpdateRows,
  PAPER_TABLE2,
} from "../../experiments/reproduction-report.ts";
import type { Style } from "../terminal/style.ts";
import { formatTable } from "../terminal/table.ts";

/** Formats the reproduced tables and figures for a terminal. */
export function reproductionText(
  { figure1, table1, table2, figure3, ...further }: Reproduction,
  style: Style,
  width?: number,
): string {
  const parts: string[] = [];
  if (figure1 !== undefined) {
    const exact = figure1ClosedForm(figure1.a, figure1.b);
    const rows = (Object.keys(exact) as (keyof typeof exact)[]).map((key) => [
      key.replace("_", " with M1 "),
      figure1.losses[key].toFixed(4),
      exact[key].toFixed(4),
    ]);
    parts.push(
      style.bold(`Figure 1, z = ${figure1.a} x1^2 + ${figure1.b} x1 (mean squared error)`),
      formatTable(
        [{ title: "M2" }, { title: "TRAINED", number: true }, { title: "CLOSED FORM", number: true }],
        rows,
        style,
      ),
      figure1.selfDefeating
        ? "self-defeating: with the true M1, the coupled M2 is worse than an M2 that never sees z\n"
        : "not self-defeating: with the true M1, the coupled M2 still beats an M2 that never sees z\n",
    );
  }
  if (table1 !== undefined) {
    const ticks = (paper: { independent: boolean; consistent: boolean; aligned: boolean }) =>
      [paper.independent, paper.consistent, paper.aligned].map((holds) => (holds ? "yes" : "no")).join(" / ");
    parts.push(
      style.bold(
        "Table 1 (updates that made the pipeline worse, and by how much; 95 % intervals; M2* o M1 initial = 100)",
      ),
      formatTable(
        [
          { title: "PROTOCOL" },
          { title: "MESSAGES", number: true },
          { title: "WAITED STEPS", number: true },
          { title: "CONSISTENT UPDATES", wraps: true },
          { title: "ITS OWN UPDATES", wraps: true },
          { title: "RANDOM MIXES", wraps: true },
          { title: "PAPER: INDEP. / CONSIST. / ALIGNED", wraps: true },
        ],
        table1.rows.map((row) => [
          row.protocol,
          `${row.coordination.messages}`,
          `${row.coordination.waitedSteps}`,
          harmText(row.consistencyViolations),
          harmText(row.ownViolations),
          harmText(row.alignmentViolations),
          ticks(row.paper),
        ]),
        style,
        width,
      ),
      formatTable(
        [
          { title: "PROTOCOL" },
          { title: "ITS OWN UPDATE OF M1" },
          { title: "M1'S OWN LOSS", number: true },
          { title: "WORSE" },
        ],
        ownUpdateRows(table1.rows),
        style,
        width,
      ),
      style.dim(GATED_TEXT),
      formatTable(
        GATED_COLUMNS.map((title) => ({ title: title.toUpperCase(), wraps: true })),
        gatedTableRows(table1.gated),
        style,
        width,
      ),
      ...table1.remarks.map((remark) => style.dim(remark)),
      "",
    );
  }
  if (table2 !== undefined) {
    parts.push(
      style.bold("Table 2 (M1's own loss, M1 initial = 100)"),
      formatTable(
        [{ title: "UPDATE" }, { title: "HERE", number: true }, { title: "PAPER", number: true }],
        table2.rows.map(({ upstream, mean, std }) => [
          upstream,
          `${mean.toFixed(3)} +- ${std.toFixed(3)}`,
          `${PAPER_TABLE2[upstream].mean.toFixed(3)} +- ${PAPER_TABLE2[upstream].std.toFixed(3)}`,
        ]),
        style,
      ),
    );
  }
  if (figure3 !== undefined) {
    const upstreams = [...new Set(figure3.rows.map(({ upstream }) => upstream))];
    const protocols = [...new Set(figure3.rows.map(({ protocol }) => protocol))];
    parts.push(
      style.bold("Figure 3 (end-to-end loss, M2* o M1 initial = 100)"),
      formatTable(
        [{ title: "M2" }, ...upstreams.map((upstream) => ({ title: `M1 ${upstream.toUpperCase()}`, number: true }))],
        protocols.map((protocol) => [
          protocol,
          ...figure3.rows
            .filter((row) => row.protocol === protocol)
            .map(({ mean, std }) => `${mean.toFixed(1)} +- ${std.toFixed(1)}`),
        ]),
        style,
      ),
      formatTable(
        [{ title: "ORDERING" }, { title: "HELD IN SEEDS", number: true }],
        Object.entries(countOrderings(figure3)).map(([claim, count]) => [claim, `${count} of ${figure3.seeds.length}`]),
        style,
      ),
    );
  }
  for (const { title, columns, rows } of furtherTables(further)) {
    parts.push(
      style.bold(title),
      formatTable(
        columns.map((column, at) => ({
          title: column.toUpperCase(),
          number: at === columns.length - 1,
          wraps: at < columns.length - 1,
        })),
        rows,
        style,
        width,
      ),
    );
  }
  return parts.join("\n");
}
