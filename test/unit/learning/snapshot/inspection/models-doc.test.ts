import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { expect, it } from "vitest";
import { QUARANTINE_REASONS } from "../../../../../services/pipeline/verdict.ts";
import { limitTable, operatorTable } from "../../../../helpers/models-doc.ts";

const doc = readFile(resolve(import.meta.dirname, "../../../../../docs/models.md"), "utf8");

it("docs/models.md lists the operators, opsets and limits of the code", async () => {
  expect(await doc).toContain(`\n${operatorTable()}\n`);
  expect(await doc).toContain(`\n${limitTable()}\n`);
});

it("docs/models.md explains every reason that a model can be refused for", async () => {
  const others = ["digest-mismatch", "evaluation-failed"];
  for (const reason of QUARANTINE_REASONS.filter((one) => !others.includes(one))) {
    expect(await doc).toContain(`\`${reason}\``);
  }
});
