import { plain, type Style } from "../terminal/style.ts";
import { wrap } from "../terminal/wrap.ts";
import { type Check, type CheckStatus, SECTIONS } from "./check.ts";

const COLOR: Readonly<Record<CheckStatus, "green" | "yellow" | "red" | "cyan">> = {
  ok: "green",
  warning: "yellow",
  failure: "red",
  unknown: "cyan",
};
/** Of the longest status, with two spaces on each side. */
const INDENT = "  failure  ".length;

/** The checks by section, and how many need attention. Those that are fine for the same reason share a line. */
export function checksText(checks: readonly Check[], style: Style, width: number): string {
  const lines = SECTIONS.flatMap((section) => {
    const own = checks.filter((check) => check.section === section);
    return own.length === 0
      ? []
      : ["", style.bold(section), ...together(own).flatMap((one) => linesOf(one, style, width))];
  });
  const count = (status: CheckStatus) => checks.filter((check) => check.status === status).length;
  const counts = (["failure", "warning", "unknown"] as const).map((status) => `${status} ${count(status)}`);
  return [...lines.slice(1), "", `${checks.length} checks: ok ${count("ok")}, ${counts.join(", ")}`].join("\n");
}

function together(checks: readonly Check[]): readonly Check[] {
  const groups = new Map<string, Check[]>();
  for (const check of checks) {
    const key = check.status === "ok" ? check.detail : `${groups.size}: ${check.name}`;
    groups.set(key, [...(groups.get(key) ?? []), check]);
  }
  return [...groups.values()].map((same) => ({
    ...(same[0] as Check),
    name: same.map(({ name }) => name).join(", "),
  }));
}

function linesOf({ status, name, detail, advice }: Check, style: Style, width: number): readonly string[] {
  const blank = " ".repeat(INDENT);
  const [first = "", ...rest] = wrap(plain(`${name}: ${detail}`), width - INDENT);
  return [
    `  ${style[COLOR[status]](status.padEnd(INDENT - 4))}  ${first}`,
    ...rest.map((line) => `${blank}${line}`),
    ...(advice === null ? [] : wrap(plain(advice), width - INDENT).map((line) => style.dim(`${blank}${line}`))),
  ];
}
