/** `failure`: something does not work, or loses data. `warning`: it works, and lacks a protection. */
export type CheckStatus = "ok" | "warning" | "failure" | "unknown";

/** In the order in which they are printed. */
export const SECTIONS = [
  "connection",
  "versions",
  "rights",
  "streams",
  "replicas",
  "storage",
  "sync",
  "clocks",
  "certificates",
  "services",
  "data",
] as const;
export type Section = (typeof SECTIONS)[number];

/** One thing that was looked at. */
export interface Check {
  readonly section: Section;
  /** What was looked at: a server, a role, a stream, a certificate, a service. */
  readonly name: string;
  readonly status: CheckStatus;
  /** One line, to follow the name. */
  readonly detail: string;
  /** What to do, one line; null: nothing. */
  readonly advice: string | null;
}

/** Creates the checks of a section. */
export function checksOf(section: Section) {
  const check = (status: CheckStatus) => (name: string, detail: string, advice: string | null) => ({
    ...{ section, name, status, detail, advice },
  });
  return {
    ok: (name: string, detail: string): Check => check("ok")(name, detail, null),
    warning: check("warning"),
    failure: check("failure"),
    unknown: check("unknown"),
  };
}
