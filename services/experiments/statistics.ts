/** Mean and sample standard deviation (n - 1) of the values of a table's row. */
export interface Summary {
  readonly mean: number;
  readonly std: number;
  readonly values: readonly number[];
}

export function summarise(values: readonly number[]): Summary {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, std: values.length > 1 ? Math.sqrt(squares / (values.length - 1)) : 0, values };
}
