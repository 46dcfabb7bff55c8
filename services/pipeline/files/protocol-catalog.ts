/** The valid values of a training protocol's parameter: a range of numbers or a set of strings. */
export interface ProtocolParameterRange {
  /** Smallest allowed number. */
  readonly min?: number;
  /** Largest allowed number. */
  readonly max?: number;
  /** Allowed strings, for a parameter that is not a number. */
  readonly choices?: readonly string[];
  /** Deprecated spellings of choices, each with the current one. */
  readonly deprecatedChoices?: Readonly<Record<string, string>>;
  /** Used if the team file does not set the parameter. */
  readonly default: number | string;
}

/** Protocol name to parameter name to range, for the team-file parser. */
export type ProtocolCatalog = Readonly<Record<string, Readonly<Record<string, ProtocolParameterRange>>>>;
