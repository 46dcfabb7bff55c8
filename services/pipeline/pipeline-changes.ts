import type { PipelineContent } from "./pipeline-content.ts";

/**
 * What a change of the pipeline file does to what exists, from the mildest class on:
 * - `compatible`: no service computes anything else.
 * - `additive`: something new can be trained and judged; existing snapshots and verdicts keep their meaning.
 * - `breaking`: existing snapshots no longer fit, or losses before and after the change cannot be compared.
 */
export const CHANGE_CLASSES = ["compatible", "additive", "breaking"] as const;
export type ChangeClass = (typeof CHANGE_CLASSES)[number];

export interface PipelineChange {
  /** As in the parsed file: `components.m1.output.width`. */
  readonly path: string;
  readonly class: ChangeClass;
  /** undefined: not set. A component as a whole for one that was added or removed. */
  readonly before: unknown;
  readonly after: unknown;
  /** What it means for snapshots and verdicts, in one sentence without a period. */
  readonly effect: string;
}

/** The mildest class that covers all changes; undefined if there are none. */
export function classOf(changes: readonly PipelineChange[]): ChangeClass | undefined {
  return CHANGE_CLASSES.findLast((kind) => changes.some((change) => change.class === kind));
}

/**
 * Compares two contents of a pipeline file and classes every difference, in the order of paths. Whatever this version does
 * not know counts as breaking. Returns no changes exactly if the digests are equal.
 */
export function changesBetween(before: PipelineContent, after: PipelineContent): readonly PipelineChange[] {
  const { components: old, ...restBefore } = before;
  const { components: now, ...restAfter } = after;
  const olds = fieldsOf(old);
  const news = fieldsOf(now);
  const changes: PipelineChange[] = [];
  for (const name of union(olds, news)) {
    const path = `components.${name}`;
    const [a, b] = [olds.get(name), news.get(name)];
    if (b === undefined) changes.push({ path, before: a, after: b, ...removed(name) });
    else if (a === undefined) changes.push({ path, before: a, after: b, ...added(name) });
    else {
      const readers = [name, ...consumersOf(name, olds), ...consumersOf(name, news)];
      const context = { component: name, misfits: [...new Set(readers)].sort() };
      changes.push(...leafChanges(a, b, `${path}.`, (leaf) => COMPONENT_RULES.get(leaf) ?? unknownRule, context));
    }
  }
  const rule = (leaf: string) => RULES.get(leaf) ?? RULES.get(leaf.split(".")[0] as string) ?? unknownRule;
  changes.push(...leafChanges(restBefore, restAfter, "", rule, { component: "", misfits: [] }));
  return changes.sort((a, b) => (a.path < b.path ? -1 : 1));
}

type Outcome = Pick<PipelineChange, "class" | "effect">;

interface Context {
  readonly component: string;
  /** The component and everything that reads it, before or after. */
  readonly misfits: readonly string[];
}

type Rule = (before: unknown, after: unknown, context: Context) => Outcome;

const breaking = (effect: string): Outcome => ({ class: "breaking", effect });
const additive = (effect: string): Outcome => ({ class: "additive", effect });
const compatible = (effect: string): Outcome => ({ class: "compatible", effect });

const added = (name: string): Outcome =>
  additive(`${name} has no snapshots yet; existing snapshots and verdicts are not affected`);
const removed = (name: string): Outcome =>
  breaking(
    `snapshots of ${name} are kept, but no longer composed or judged; evaluators quarantine those announced from now on`,
  );

const notFitting = (components: readonly string[]): Outcome =>
  breaking(
    `existing snapshots of ${components.join(" and ")} no longer fit: evaluators quarantine them for good, and ${
      components.length === 1 ? "the component needs a new one" : "each component needs a new one"
    }`,
  );
const output: Rule = (_before, _after, { misfits }) => notFitting(misfits);
const inputs: Rule = (before, after, { component }) =>
  sameMembers(before, after)
    ? additive(`new runs of ${component} order their inputs differently; existing snapshots still fit`)
    : notFitting([component]);
const meaning: Rule = (_before, _after, { misfits }) =>
  breaking(
    `existing snapshots of ${misfits.join(" and ")} still load, but were trained for another meaning of the values; train each component again`,
  );
const loss: Rule = (_before, _after, { component }) =>
  breaking(
    `losses of ${component} before and after cannot be compared, and existing snapshots were trained for another loss`,
  );
const objective: Rule = (before, after) => {
  const isOne = typeof before === "string" && typeof after === "string";
  const what = isOne ? "that of another component" : "another sum of components' losses";
  return breaking(`the pipeline loss is ${what}: pipeline losses before and after cannot be compared`);
};
const rows: Rule = () =>
  breaking(
    "the rows or their split change: losses before and after cannot be compared, and existing snapshots may have been trained on rows that are now held out",
  );
const audit: Rule = (before, after) =>
  grows(before, after)
    ? additive("new runs can use more audited rows; existing snapshots and verdicts are not affected")
    : breaking("runs that rely on the audited rows change their source or fail; existing snapshots are not affected");
const gateSplit: Rule = (before, after) => {
  if (before === undefined) {
    return additive(
      "evaluators begin a new generation of the same held-out rows, and publish what they measure on its screen rows; existing verdicts stay as they are",
    );
  }
  if (after === undefined) return compatible("the present generation of held-out rows stays split as it is");
  return compatible("takes effect with the next generation of held-out rows; the present one stays split as it is");
};
const from: Rule = (_before, after, { component }) =>
  additive(
    after === undefined
      ? `another pipeline no longer provides snapshots of ${component}; existing ones stay as they are`
      : `other snapshots of ${component} are linked from now on; existing ones stay as they are`,
  );
const unknownRule: Rule = () => breaking("this version of Uncouple does not know this setting; it assumes the worst");

/** By the path within a component. */
const COMPONENT_RULES: ReadonlyMap<string, Rule> = new Map([
  ["columns", inputs],
  ["upstream", inputs],
  ["output.name", output],
  ["output.width", output],
  ["output.meaning", meaning],
  ["output.classes", meaning],
  ["loss", loss],
  ["target", loss],
  ["logged.action", loss],
  ["logged.propensity", loss],
  ["from.pipeline", from],
  ["from.component", from],
  ["from.serial", from],
]);

/** By the path, or by its first key. */
const RULES: ReadonlyMap<string, Rule> = new Map([
  ["objective", objective],
  ["data", rows],
  ["data.maxBadFraction", () => compatible("runs start with more or fewer bad rows; nothing else changes")],
  [
    "data.exposeKeys",
    () => additive("new verdicts show keys as they are or as hashes; existing ones stay as they are"),
  ],
  ["audit", audit],
  [
    "audit.heldOut",
    () => additive("new verdicts measure consistency gaps on other rows; existing verdicts stay as they are"),
  ],
  ["verdict", () => additive("new verdicts judge by other limits; existing verdicts stay as they are")],
  ["slices", () => additive("new verdicts look at other slices; existing verdicts stay as they are")],
  ["gate", () => compatible("the gate decides by it from now on; snapshots, verdicts and releases stay as they are")],
  ["gate.split", gateSplit],
  ["freeze", () => compatible("only when the gate promotes changes; nothing is computed differently")],
  ["webhooks", () => compatible("only who is told changes; nothing is computed differently")],
  ["tests", () => additive("new snapshots are tested otherwise; existing snapshots and verdicts stay as they are")],
  ["retention", () => compatible("only what is kept changes; nothing is computed differently")],
]);

function leafChanges(
  before: unknown,
  after: unknown,
  prefix: string,
  ruleOf: (leaf: string) => Rule,
  context: Context,
): PipelineChange[] {
  const a = leavesOf(before);
  const b = leavesOf(after);
  return union(a, b)
    .map((leaf) => ({ leaf, before: a.get(leaf), after: b.get(leaf) }))
    .filter((change) => JSON.stringify(change.before) !== JSON.stringify(change.after))
    .map(({ leaf, before: was, after: is }) => ({
      path: `${prefix}${leaf}`,
      before: was,
      after: is,
      ...ruleOf(leaf)(was, is, context),
    }));
}

/** Flattens nested objects to `output.width: 3`. Lists and empty objects are values. */
function leavesOf(value: unknown): ReadonlyMap<string, unknown> {
  const leaves = new Map<string, unknown>();
  for (const [key, field] of fieldsOf(value)) {
    const inner = leavesOf(field);
    if (inner.size === 0) leaves.set(key, field);
    for (const [rest, leaf] of inner) leaves.set(`${key}.${rest}`, leaf);
  }
  return leaves;
}

/** Whether a number, or the members of a list, only became more. */
function grows(before: unknown, after: unknown): boolean {
  if (before === undefined) return true;
  if (typeof before === "number" && typeof after === "number") return after > before;
  return Array.isArray(before) && Array.isArray(after) && before.every((item) => after.includes(item));
}

function sameMembers(before: unknown, after: unknown): boolean {
  const [a, b] = [before, after].map((value) => list(value).map(String).sort());
  return JSON.stringify(a) === JSON.stringify(b);
}

function consumersOf(name: string, components: ReadonlyMap<string, unknown>): readonly string[] {
  const reads = (component: unknown) => list(fieldsOf(component).get("upstream")).includes(name);
  return [...components].filter(([, component]) => reads(component)).map(([consumer]) => consumer);
}

function union(a: ReadonlyMap<string, unknown>, b: ReadonlyMap<string, unknown>): readonly string[] {
  return [...new Set([...a.keys(), ...b.keys()])].sort();
}

/** The set fields of an object; none of any other value. */
function fieldsOf(value: unknown): ReadonlyMap<string, unknown> {
  const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
  return new Map(isObject ? Object.entries(value).filter(([, field]) => field !== undefined) : []);
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
