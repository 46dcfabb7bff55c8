import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";

const root = join(import.meta.dirname, "../..");
const read = (path: string) => readFileSync(join(root, path), "utf8");

export interface Rule {
  readonly record?: string;
  readonly alert?: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** Prometheus' own form of the rules: the `spec` of the PrometheusRule. */
export const rulesFile = {
  text: read("deploy/monitoring/prometheus-rule.yaml"),
  /** As the comment in the file, and docs/operations.md, say how to get it. */
  plain: () => rulesFile.text.replace(/^[\s\S]*?^spec:\n/m, "").replaceAll(/^ {2}/gm, ""),
};

export const rules: readonly Rule[] = (
  parse(rulesFile.text) as { spec: { groups: { rules: Rule[] }[] } }
).spec.groups.flatMap((group) => group.rules);

export const records = rules.filter(({ record }) => record !== undefined);
export const alerts = rules.filter(({ alert }) => alert !== undefined);

export interface Panel {
  readonly id: number;
  readonly title: string;
  readonly type: string;
  readonly targets?: readonly { readonly refId: string; readonly expr: string }[];
}

/** The panels of the dashboard that show something. */
export const panels: readonly Panel[] = (
  JSON.parse(read("deploy/monitoring/dashboard.json")) as { panels: Panel[] }
).panels.filter(({ type }) => type !== "row");

/** A metric with its label matchers, as an expression selects it. */
export interface Selector {
  readonly text: string;
  readonly name: string;
  readonly labels: readonly string[];
}

/** The selectors of a PromQL expression: every name of ours, of Node's and of Prometheus's own that it reads. */
export function selectorsOf(expr: string): readonly Selector[] {
  const pattern = /(?<![\w:$"])((?:pipeline\w*:)?(?:uncouple|process|nodejs|up)(?:_[a-z0-9_]+)?(?::\w+)?)(\{[^}]*\})?/g;
  return [...expr.matchAll(pattern)].map(([text, name = "", matchers = ""]) => ({
    text,
    name,
    labels: [...matchers.matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g)].map(([, label = ""]) => label),
  }));
}
