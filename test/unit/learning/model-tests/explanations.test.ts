import { expect, test } from "vitest";
import { TEST_KEYS } from "../../../../services/learning/model-tests/explanations.ts";
import { parseModelTests } from "../../../../services/pipeline/files/model-tests.ts";
import { createReporter } from "../../../../services/pipeline/files/yaml-file.ts";
import { TEST_KINDS } from "../../../../services/pipeline/model-test.ts";

test.each(TEST_KINDS)("every key that a test of the kind %s may have is explained", (kind) => {
  const reporter = createReporter({ file: "team.yaml", line: () => 1 });
  parseModelTests([{ [kind]: {}, nonsense: 1 }], reporter);
  const known = reporter.problems.find(({ path }) => path.endsWith("nonsense"))?.message ?? "";
  const [, keys = ""] = /available: (.*?)(;|$)/.exec(known) ?? [];
  expect(keys.split(", ")).toContain(kind);
  const values = TEST_KEYS.find(({ key }) => key === kind)?.values.split(/[^\w]+/) ?? [];
  const explained = [...TEST_KEYS.map(({ key }) => key), ...values];
  expect(keys.split(", ").filter((key) => !explained.includes(key))).toEqual([]);
});
