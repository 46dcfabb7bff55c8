/** Functions of JavaScript whose last bits are the engine's choice. */
const VAGUE = [
  ...["exp", "expm1", "log", "log1p", "log2", "log10", "sin", "cos", "tan", "asin", "acos", "atan", "atan2", "sinh"],
  ...["cosh", "tanh", "asinh", "acosh", "atanh", "pow", "cbrt", "hypot"],
] as const;

/** Runs synchronous work that throws if it calls one of them. */
export function withoutVagueMath<T>(work: () => T): T {
  const builtIn = VAGUE.map((name) => [name, Reflect.get(Math, name)] as const);
  for (const [name] of builtIn) {
    Reflect.set(Math, name, () => {
      throw new Error(`Math.${name} was called`);
    });
  }
  try {
    return work();
  } finally {
    for (const [name, value] of builtIn) Reflect.set(Math, name, value);
  }
}
