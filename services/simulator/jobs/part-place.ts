/** Where the texts of a part store are kept, by name. Several processes may use one place at the same time. */
export interface PartPlace {
  readonly kind: "folder" | "bucket";
  /** For messages. */
  readonly path: string;
  /** @returns the texts that were written with that name: the last one, or all of them in no order */
  read(name: string): Promise<readonly string[]>;
  write(name: string, text: string): Promise<void>;
}
