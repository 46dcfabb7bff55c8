/** A column of the data. */
export interface DataColumn {
  readonly name: string;
  readonly kind: "numeric" | "categorical";
  readonly width: number;
}
