/** A duration such as `30s`, `10m`, `6h` or `1.5d`. */
export const DURATION = /^\d{1,6}(\.\d{1,3})?[smhd]$/;

const SECONDS = { s: 1, m: 60, h: 3600, d: 86_400 };

/** Parses a duration. @returns seconds; undefined for anything else */
export function parseDuration(text: string): number | undefined {
  if (!DURATION.test(text)) return undefined;
  return Number(text.slice(0, -1)) * SECONDS[text.at(-1) as keyof typeof SECONDS];
}
