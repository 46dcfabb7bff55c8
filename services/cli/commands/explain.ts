import { Command } from "commander";
import type { CounterfactualSource } from "../../learning/counterfactual/source.ts";
import type { TestKey } from "../../learning/model-tests/explanations.ts";
import type { Protocol } from "../../learning/protocols/protocol.ts";
import type { WorkersKey } from "../../learning/units/explanations.ts";
import type { ProtocolParameterRange } from "../../pipeline/files/protocol-catalog.ts";
import { ENGINE_CHOICES } from "../../pipeline/team.ts";
import type { GateKey } from "../../releases/gate-explanations.ts";
import type { CliContext } from "../context/context.ts";
import { createOutput } from "../terminal/output.ts";
import type { Style } from "../terminal/style.ts";
import { formatTable } from "../terminal/table.ts";
import { wrap } from "../terminal/wrap.ts";

export function explainCommand(context: CliContext): Command {
  return new Command("explain")
    .summary("explain a training protocol, the engines, workers, gates, or tests of models")
    .description(
      "Explains a training protocol: its equation, its parameters and when to use it. Without a name, lists all protocols. `explain engine` describes the training engines, what each one costs, and how `auto` chooses. `explain workers` describes the keys under `workers` in a team file, `explain gate` those under `gate` in a pipeline file, and `explain tests` those of a test of models.",
    )
    .argument("[topic]", "engine, workers, gate, tests, or a protocol: sync, async, proximal, causal, ...")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      "\nExamples:\n  uncouple explain\n  uncouple explain causal\n  uncouple explain engine\n  uncouple explain workers\n  uncouple explain gate\n  uncouple explain tests\n",
    )
    .action(async (name: string | undefined, options: { json?: true }) => {
      const output = createOutput(context, options.json === true);
      if (name === "engine") {
        const { AUTO_RULES, ENGINE_EXPLANATIONS } = await import("../../engine/engine-choices.ts");
        const engines = ENGINE_CHOICES.map((choice) => ({ choice, ...ENGINE_EXPLANATIONS[choice] }));
        output.result({ engines, auto: AUTO_RULES }, (style) =>
          engineText(engines, AUTO_RULES, style, Math.min(context.stdout.columns ?? 100, 100)),
        );
        return;
      }
      if (name === "workers") {
        const { WORKERS_KEYS, WORKERS_RULES } = await import("../../learning/units/explanations.ts");
        output.result({ keys: WORKERS_KEYS, rules: WORKERS_RULES }, (style) =>
          keysText(
            WORKERS_KEYS,
            WORKERS_RULES,
            `In a team file: workers: {} for workers: { ${WORKERS_KEYS.map((key) => `${key.key}: ${key.default}`).join(", ")} }`,
            style,
            Math.min(context.stdout.columns ?? 100, 100),
          ),
        );
        return;
      }
      if (name === "gate") {
        const { GATE_KEYS, GATE_RULES } = await import("../../releases/gate-explanations.ts");
        const footer =
          "In a pipeline file: gate: { mode: enforce, margin: 0.5 % }; gate: {} observes with the defaults";
        output.result({ keys: GATE_KEYS, rules: GATE_RULES }, (style) =>
          keysText(GATE_KEYS, GATE_RULES, footer, style, Math.min(context.stdout.columns ?? 100, 100)),
        );
        return;
      }
      if (name === "tests") {
        const { TEST_KEYS, TEST_RULES } = await import("../../learning/model-tests/explanations.ts");
        const footer = "In a team file: tests: [{ monotone: price, direction: decreasing, on_failure: refuse }]";
        output.result({ keys: TEST_KEYS, rules: TEST_RULES }, (style) =>
          keysText(TEST_KEYS, TEST_RULES, footer, style, Math.min(context.stdout.columns ?? 100, 100)),
        );
        return;
      }
      // Loaded lazily: it imports tfjs, which other subcommands do not need.
      const { findProtocol, protocols } = await import("../../learning/protocols/all.ts");
      const { counterfactualSources, LABELS_RULE } = await import("../../learning/counterfactual/prepare.ts");
      if (name === undefined) {
        output.result(protocols.map(asJson), (style, width) =>
          formatTable(
            [{ title: "PROTOCOL" }, { title: "SUMMARY", wraps: true }],
            protocols.map((p) => [p.name, p.summary]),
            style,
            width,
          ),
        );
        return;
      }
      const protocol = findProtocol(name);
      const sources = "source" in protocol.parameters ? counterfactualSources : [];
      output.result(
        {
          ...asJson(protocol),
          sources: sources.map((source) => ({ name: source.name, observes: source.observes })),
          ...(sources.length > 0 && { labels: LABELS_RULE }),
        },
        (style) => explanation(protocol, sources, LABELS_RULE, style, Math.min(context.stdout.columns ?? 100, 100)),
      );
    });
}

function asJson(protocol: Protocol) {
  const { name, summary, equation, advice, parameters, requiresUpstream, coordinated } = protocol;
  return { name, summary, equation, advice, parameters, requiresUpstream, coordinated };
}

function explanation(
  protocol: Protocol,
  sources: readonly CounterfactualSource[],
  labelsRule: string,
  style: Style,
  width: number,
): string {
  const { name, summary, equation, advice, parameters, requiresUpstream, coordinated } = protocol;
  const facts = [
    requiresUpstream ? "Only for components that read the predictions of others." : "For any component.",
    coordinated ? "One component of the pipeline trains at a time." : "Needs no coordination with other teams.",
  ];
  const ranges = Object.entries(parameters).map(([parameter, range]) => `  ${parameter}: ${rangeText(range)}`);
  return [
    `${style.bold(name)}: ${summary}`,
    "",
    `  ${style.cyan(equation.replaceAll(/ {2,}/g, "   "))}`,
    "",
    ...wrap(advice, width),
    "",
    ...facts,
    ...(ranges.length === 0 ? ["No parameters."] : ["Parameters:", ...ranges]),
    ...(sources.length === 0
      ? []
      : [
          "",
          "Sources of ytilde, and what each one must observe; auto picks the first one that the data supports:",
          ...sources.map((source) => `  ${source.name}: ${source.observes}`),
          "",
          ...wrap(labelsRule, width),
        ]),
    "",
    style.dim(`In a team file: protocol: ${example(name, parameters)}`),
    "",
  ].join("\n");
}

function rangeText({ min, max, choices, default: usual }: ProtocolParameterRange): string {
  if (choices !== undefined) return `one of ${choices.join(", ")} (default ${usual})`;
  const range =
    min !== undefined && max !== undefined
      ? `from ${min} to ${max}`
      : min !== undefined
        ? `at least ${min}`
        : max !== undefined
          ? `at most ${max}`
          : "any number";
  return `${range} (default ${usual})`;
}

function example(name: string, parameters: Protocol["parameters"]): string {
  const entries = Object.entries(parameters).map(([parameter, range]) => `${parameter}: ${range.default}`);
  return entries.length === 0 ? name : `{ name: ${name}, ${entries.join(", ")} }`;
}

function keysText(
  keys: readonly (WorkersKey | GateKey | TestKey)[],
  rules: readonly string[],
  footer: string,
  style: Style,
  width: number,
): string {
  const indented = (text: string) => wrap(text, width - 2).map((line) => `  ${line}`);
  return [
    ...keys.flatMap(({ key, values, default: usual, summary, cost }) => [
      `${style.bold(key)}: ${values} (default ${usual})`,
      ...indented(summary),
      ...indented(cost),
      "",
    ]),
    style.bold("What holds"),
    ...rules.flatMap((rule, index) => indented(`${index + 1}. ${rule}`)),
    "",
    style.dim(footer),
    "",
  ].join("\n");
}

function engineText(
  choices: readonly { readonly choice: string; readonly summary: string; readonly cost: string }[],
  rules: readonly string[],
  style: Style,
  width: number,
): string {
  const indented = (text: string) => wrap(text, width - 2).map((line) => `  ${line}`);
  return [
    ...choices.flatMap(({ choice, summary, cost }) => [
      style.bold(choice),
      ...indented(summary),
      ...indented(cost),
      "",
    ]),
    style.bold("How auto chooses"),
    ...rules.flatMap((rule, index) => indented(`${index + 1}. ${rule}`)),
    "",
    style.dim("In a team file: engine: wasm"),
    "",
  ].join("\n");
}
