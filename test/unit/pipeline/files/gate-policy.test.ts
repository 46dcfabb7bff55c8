import { describe, expect, test } from "vitest";
import { parsePipelineFile } from "../../../../services/pipeline/files/pipeline-file.ts";
import { formatProblem } from "../../../../services/pipeline/files/problem.ts";
import { DEFAULT_GATE, WEBHOOK_EVENTS } from "../../../../services/pipeline/gate.ts";
import { contentOf, digestOf } from "../../../../services/pipeline/pipeline-content.ts";

function parse(keys: string, more = "slices: [device]\naudit: { held_out: 300 }\n") {
  const text = `pipeline: p
data: { source: file, path: rows.csv, key: id }
components:
  click: { columns: [x], output: { name: c }, target: t }
  revenue: { columns: [x], upstream: [click], output: { name: y }, target: r }
${keys}
${more}`;
  return parsePipelineFile(text, "p.yaml");
}

function parsed(keys: string) {
  const result = parse(keys);
  if ("problems" in result) throw new Error(result.problems.map(formatProblem).join("\n"));
  return result.pipeline;
}

function problemsOf(keys: string, more?: string): readonly string[] {
  const result = parse(keys, more);
  return "problems" in result ? result.problems.map(formatProblem) : [];
}

describe("gate", () => {
  test("without keys observes, with the defaults; without a gate there is none", () => {
    expect(parsed("gate: {}").gate).toEqual(DEFAULT_GATE);
    expect(parsed("retention: { keep: 3 }")).not.toHaveProperty("gate");
  });

  test("reads every key", () => {
    expect(
      parsed(
        "gate: { mode: enforce, require: non-inferior, measure: both, margin: 0.5 %, horizon: 50, transition_budget: 100 %, guards: { click: 1 % }, slices: [device], hold: [revenue], split: [0.6, 0.3, 0.1], bootstrap: newest }",
      ).gate,
    ).toEqual({
      mode: "enforce",
      require: "non-inferior",
      measure: "both",
      margin: 0.005,
      horizon: 50,
      transitionBudget: 1,
      guards: { click: 0.01 },
      slices: ["device"],
      hold: ["revenue"],
      split: [0.6, 0.3, 0.1],
      bootstrap: "newest",
    });
  });

  test("gives the transition budget the margin's value, unless the file has one", () => {
    expect(parsed("gate: { margin: 3 % }").gate).toMatchObject({ margin: 0.03, transitionBudget: 0.03 });
    expect(parsed("gate: { margin: 0, transition_budget: 0 }").gate).toMatchObject({ margin: 0, transitionBudget: 0 });
  });

  test("defaults that are written out do not change the digest, other values do", () => {
    const digest = (keys: string) => digestOf(contentOf(parsed(keys)));
    expect(digest("gate: {}")).toBe(digest("gate: { mode: observe, horizon: 200, split: [0.5, 0.3, 0.2] }"));
    expect(digest("gate: {}")).not.toBe(digest("gate: { mode: enforce }"));
  });

  const wrong: readonly (readonly [keys: string, message: string | RegExp])[] = [
    ["gate: enforce", 'gate: must be a mapping (key: value), not "enforce"'],
    ["gate: { mode: enforced }", 'gate.mode: must be one of observe, enforce, not "enforced"; did you mean "enforce"?'],
    ["gate: { margn: 1 % }", /^gate\.margn: unknown key; available: mode, .*; did you mean "margin"\?$/],
    ...["100 %", "-1 %", "0.5", 1].map(
      (margin) =>
        [
          `gate: { margin: ${margin} }`,
          "gate.margin: must be a percentage of the release's loss, at least 0 % and less than 100 %, such as 0.5 %",
        ] as const,
    ),
    [
      "gate: { transition_budget: 2 }",
      "gate.transition_budget: must be a percentage of the release's loss, such as 100 %",
    ],
    ["gate: { horizon: 0 }", "gate.horizon: must be at least 1, not 0"],
    ["gate: { horizon: 1.5 }", "gate.horizon: must be an integer, not 1.5"],
    [
      "gate: { guards: { clik: 1 % } }",
      'gate.guards.clik: unknown component "clik"; available: click, revenue; did you mean "click"?',
    ],
    [
      "gate: { guards: { revenue: 1 % } }",
      "gate.guards.revenue: revenue is the objective, whose loss is what the gate measures; remove it from guards",
    ],
    [
      "gate: { guards: { click: 0 % } }",
      "gate.guards.click: must be a percentage of the component's loss, greater than 0 % and less than 100 %, such as 1 %",
    ],
    ["gate: { slices: [hour] }", 'gate.slices[0]: "hour" is not among the pipeline\'s slices (device)'],
    ["gate: { slices: [device, device] }", 'gate.slices[1]: duplicate entry "device"'],
    ["gate: { hold: [m9] }", 'gate.hold[0]: unknown component "m9"; available: click, revenue'],
    ["gate: { hold: [click, click] }", 'gate.hold[1]: duplicate entry "click"'],
    ["gate: { split: [0.5, 0.3, 0.3] }", "gate.split: must add up to 1"],
    ["gate: { split: [0.7, 0.3, 0] }", "gate.split[2]: must be greater than 0, not 0"],
    ["gate: { split: [0.5, 0.5] }", "gate.split: must have at least 3 items"],
    ["gate: { bootstrap: oldest }", 'gate.bootstrap: must be one of person, newest, not "oldest"'],
    [
      "gate: { require: non-inferior, margin: 0 }",
      "gate.margin: must be greater than 0 % for require: non-inferior: no update is shown to be exactly as good",
    ],
    [
      "gate: { measure: both, margin: 0 }",
      "gate.margin: must be greater than 0 % for measure: both: no update is shown to be exactly as good",
    ],
  ];
  test.each(wrong)("reports %s", (keys, message) => {
    const [problem, ...others] = problemsOf(keys);
    expect(others).toEqual([]);
    const prefix = "p.yaml:6: ";
    expect(problem?.slice(0, prefix.length)).toBe(prefix);
    if (typeof message === "string") expect(problem?.slice(prefix.length)).toBe(message);
    else expect(problem?.slice(prefix.length)).toMatch(message);
  });

  test("needs annotated held-out rows for an audited measure, and declared slices", () => {
    for (const measure of ["audited", "both"]) {
      expect(problemsOf(`gate: { measure: ${measure} }`, "")).toEqual([
        `p.yaml:6: gate.measure: ${measure} needs audit.held_out, the number of held-out rows with annotated outputs`,
      ]);
    }
    expect(problemsOf("gate: { slices: [device] }", "")).toEqual([
      'p.yaml:6: gate.slices[0]: "device" is not among the pipeline\'s slices (none)',
    ]);
  });

  test("needs a key or groups with a split by time, where only they tell rows apart in every order", () => {
    const byTime = (data: string) => {
      const text = `pipeline: p
data: { source: file, path: rows.csv${data} }
components:
  m1: { columns: [x], output: { name: y }, target: t }
split: { by: time, column: day, held_out: 14d }
gate: {}
`;
      const result = parsePipelineFile(text, "p.yaml");
      return "problems" in result ? result.problems.map(formatProblem) : [];
    };
    expect(byTime("")).toEqual([
      "p.yaml:6: gate: needs data.key or data.group with a split by time, so that rows keep their part in whatever order the file has them",
    ]);
    expect(byTime(", key: id")).toEqual([]);
    expect(byTime(", group: user")).toEqual([]);
  });

  test("reports every problem at once, each on its line", () => {
    expect(problemsOf("gate:\n  hold: [m8]\n  guards:\n    m9: 1 %\n  slices: [hour]")).toEqual([
      'p.yaml:7: gate.hold[0]: unknown component "m8"; available: click, revenue',
      'p.yaml:9: gate.guards.m9: unknown component "m9"; available: click, revenue',
      'p.yaml:10: gate.slices[0]: "hour" is not among the pipeline\'s slices (device)',
    ]);
  });
});

describe("webhooks", () => {
  test("have an https URL, or http on this machine, the events, by default all, and the file of a secret", () => {
    const keys = `webhooks:
  - { url: "https://example.com/hook", on: [held, released], secret_file: hook.key }
  - { url: "http://127.0.0.1:8080/", secret_file: ../other.key }`;
    expect(parsed(keys).webhooks).toEqual([
      { url: "https://example.com/hook", on: ["held", "released"], secretFile: "hook.key" },
      { url: "http://127.0.0.1:8080/", on: WEBHOOK_EVENTS, secretFile: "../other.key" },
    ]);
  });

  test("the path of the secret is the machine's own, and not part of what the file says", () => {
    const digest = (file: string, url = "https://example.com") =>
      digestOf(contentOf(parsed(`webhooks: [{ url: "${url}", secret_file: ${file} }]`)));
    expect(digest("a.key")).toBe(digest("/run/secrets/b.key"));
    expect(digest("a.key")).not.toBe(digest("a.key", "https://example.org"));
  });

  const url = "must be an https URL; http is only for this machine, such as http://localhost:8080/hook";
  test.each([
    ["webhooks: []", "webhooks: must have at least 1 item"],
    ["webhooks: [{ url: http://example.com, secret_file: k }]", `webhooks[0].url: ${url}`],
    ["webhooks: [{ url: http://localhost.example.com, secret_file: k }]", `webhooks[0].url: ${url}`],
    ["webhooks: [{ url: ftp://example.com, secret_file: k }]", `webhooks[0].url: ${url}`],
    ['webhooks: [{ url: "https://me:pass@example.com", secret_file: k }]', `webhooks[0].url: ${url}`],
    ["webhooks: [{ url: example.com, secret_file: k }]", `webhooks[0].url: ${url}`],
    ["webhooks: [{ url: https://example.com }]", "webhooks[0].secret_file: is missing; must be a string"],
    [
      "webhooks: [{ url: https://example.com, secret_file: k, on: [release] }]",
      'webhooks[0].on[0]: must be one of promoted, refused, held, released, rolled-back, spent, not "release"; did you mean "released"?',
    ],
    [
      "webhooks: [{ url: https://example.com, secret_file: k, on: [held, held] }]",
      'webhooks[0].on[1]: duplicate entry "held"',
    ],
    [
      "webhooks: [{ url: https://example.com, secret_file: k }, { url: https://example.com, secret_file: l }]",
      'webhooks[1]: duplicate entry "https://example.com"',
    ],
  ])("report %s", (keys, message) => {
    expect(problemsOf(keys)).toEqual([`p.yaml:6: ${message}`]);
  });
});
