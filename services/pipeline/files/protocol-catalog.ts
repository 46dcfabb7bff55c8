/** What a parameter of a training protocol may be: a number in a range, or one of a few words. */
export interface ProtocolParameterRange {
  /** Smallest number allowed. */
  readonly min?: number;
  /** Largest number allowed. */
  readonly max?: number;
  /** The words allowed, for a parameter that is not a number. */
  readonly choices?: readonly string[];
  /** Taken where the team file says nothing. */
  readonly default: number | string;
}

/** Protocol name to parameter name to range: what the parser of team files checks against. */
export type ProtocolCatalog = Readonly<Record<string, Readonly<Record<string, ProtocolParameterRange>>>>;
