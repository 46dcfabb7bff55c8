/** What `--json` prints for each engine and size. */
export interface Row {
  readonly engine: string;
  readonly model: string;
  readonly batch: number;
  /** Number of cores that it could use. */
  readonly threads: number;
  readonly microsPerStep: number;
}
