const colors: Readonly<Record<string, number>> = { debug: 90, info: 32, warn: 33, error: 31, fatal: 31 };
/** Fields with a fixed place in the line, or with the same value on every line. */
const placed = new Set(["level", "time", "message", "service", "component", "pipeline", "error"]);

function paint(text: string, color: number, on: boolean): string {
  return on ? `\u001b[${color}m${text}\u001b[0m` : text;
}

function localTime(iso: unknown): string {
  const time = new Date(typeof iso === "string" ? iso : Number.NaN);
  if (Number.isNaN(time.getTime())) return "--:--:--.---";
  const two = (value: number) => String(value).padStart(2, "0");
  return `${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}.${String(time.getMilliseconds()).padStart(3, "0")}`;
}

function fieldText(value: unknown): string {
  if (typeof value === "string") return /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value);
  if (typeof value === "number" && !Number.isInteger(value)) return String(Number(value.toPrecision(4)));
  return JSON.stringify(value) ?? "undefined";
}

/** @param said the message that the line already shows */
function errorText(error: unknown, said: string, lead = ""): string {
  if (typeof error !== "object" || error === null) return "";
  const { stack, message, cause } = error as { readonly stack?: unknown; readonly message?: unknown; cause?: unknown };
  const text = typeof stack === "string" ? stack : String(message);
  const below = errorText(cause, said, "caused by ");
  return said.includes(text) ? below : `\n${`${lead}${text}`.replaceAll(/^/gm, "    ")}${below}`;
}

/**
 * Formats a JSON log line for a terminal: `12:30:01.250 INFO  trainer/m2  published  snapshot=m2@3 bytes=41210`, with
 * the stack and the causes of an error in indented lines below. Returns a line that is not JSON unchanged.
 */
export function formatLogLine(line: string, color: boolean): string {
  let record: Record<string, unknown>;
  try {
    record = JSON.parse(line) as Record<string, unknown>;
  } catch {
    return line;
  }
  const level = String(record.level);
  const message = typeof record.message === "string" ? record.message : "";
  const who = [record.service, record.component].filter((part) => typeof part === "string").join("/");
  const fields = Object.entries(record)
    .filter(([name]) => !placed.has(name))
    .map(([name, value]) => `${paint(`${name}=`, 90, color)}${fieldText(value)}`);
  const parts = [
    paint(localTime(record.time), 90, color),
    paint(level.toUpperCase().padEnd(5), colors[level] ?? 0, color),
    who,
    "",
    message,
  ];
  const tail = fields.length === 0 ? "" : `  ${fields.join(" ")}`;
  return `${parts.join(" ")}${tail}${errorText(record.error, message)}\n`;
}
