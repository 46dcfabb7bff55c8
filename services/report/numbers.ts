/** Formats a number with two or three significant digits: `1.38`, `47.2`, `104`, `3.2e-5`; `-` if missing or NaN. */
export function formatNumber(value: number | null | undefined): string {
  if (value === null || value === undefined || Number.isNaN(value)) return "-";
  const size = Math.abs(value);
  if (size === 0) return "0";
  if (size < 1e-3 || size >= 1e6) return value.toExponential(1);
  if (size >= 100) return value.toFixed(0);
  if (size >= 10) return value.toFixed(1);
  return size >= 1 ? value.toFixed(2) : value.toPrecision(2);
}

/** Formats a number with four significant digits, which tell close ones apart: `0.5938`, `851.7`; `-` if missing or NaN. */
export function formatPrecise(value: number | null | undefined): string {
  if (value === null || value === undefined || Number.isNaN(value)) return "-";
  const size = Math.abs(value);
  if (size === 0) return "0";
  if (size < 1e-3 || size >= 1e6) return value.toExponential(3);
  return size >= 1000 ? value.toFixed(0) : value.toPrecision(4);
}

/** Losses are means of float32 predictions' losses: further digits are noise. */
const MOST_DIGITS = 8;

/**
 * Chooses digits for a grid of numbers: those of `formatNumber`, and as many more as tell apart all unequal neighbors in a
 * row or column, up to eight significant digits of the larger one.
 *
 * @param rows of cells; null where there is no number
 */
export function gridFormat(rows: readonly (readonly MaybeNumber[])[]): (value: MaybeNumber) => string {
  const neighbors = rows.flatMap((row, i) =>
    row.flatMap((value, j): (readonly [MaybeNumber, MaybeNumber])[] => [
      [value, row[j + 1]],
      [value, rows[i + 1]?.[j]],
    ]),
  );
  const places = neighbors.flatMap(([a, b]) => {
    if (!isNumber(a) || !isNumber(b) || a === b) return [];
    const most = MOST_DIGITS - 1 - exponentOf(Math.max(Math.abs(a), Math.abs(b)));
    return [Math.min(Math.ceil(-Math.log10(Math.abs(a - b))), most)];
  });
  // The decimal place at which neighbors differ: 2 for hundredths, -1 for tens.
  const place = Math.max(...places, Number.NEGATIVE_INFINITY);
  return (value) => {
    const usual = formatNumber(value);
    if (!isNumber(value) || value === 0 || place === Number.NEGATIVE_INFINITY) return usual;
    const [mantissa = "", exponent] = usual.split("e");
    const shift = exponent === undefined ? 0 : Number(exponent);
    const decimals = Math.min(Math.max(mantissa.split(".")[1]?.length ?? 0, place + shift), MOST_DECIMALS);
    return exponent === undefined ? value.toFixed(decimals) : value.toExponential(decimals);
  };
}

type MaybeNumber = number | null | undefined;

/** The limit of `toFixed` and `toExponential`. */
const MOST_DECIMALS = 100;

function isNumber(value: MaybeNumber): value is number {
  return value !== null && value !== undefined && Number.isFinite(value);
}

/** The decimal exponent of a number above 0: 2 for 123. */
function exponentOf(value: number): number {
  return Math.floor(Math.log10(value));
}

/** The signed change from `from` to `to`, in percent of `from`; undefined unless `from` is positive and it is finite. */
export function relativeChange(from: number, to: number): number | undefined {
  const change = (100 * (to - from)) / from;
  return from > 0 && Number.isFinite(change) ? change : undefined;
}

/**
 * Formats a percentage: `+94 %`, `-1.2 %`; `-` if undefined.
 * @param percent in percent, not a fraction; @param signed whether positive values get a plus sign
 */
export function formatPercent(percent: number | undefined, signed = true): string {
  if (percent === undefined) return "-";
  const digits = Math.abs(percent) >= 10 || percent === 0 ? 0 : 1;
  const text = percent.toFixed(digits);
  return `${signed && percent > 0 ? "+" : ""}${text} %`;
}

/** Formats a duration: `0.4 s`, `12 s`, `2 min 5 s`, `1 h 3 min`. */
export function formatSeconds(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}
