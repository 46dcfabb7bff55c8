// Original file: proto/uncouple/v1/trainer.proto


/**
 * How far a training is that runs in units.
 */
export interface RunUnits {
  /**
   * The round in progress, from 1, and rounds in all.
   */
  'round'?: (number);
  'rounds'?: (number);
  /**
   * Units of this round that are done, and its units: one a slot.
   */
  'done'?: (number);
  'slots'?: (number);
}

/**
 * How far a training is that runs in units.
 */
export interface RunUnits__Output {
  /**
   * The round in progress, from 1, and rounds in all.
   */
  'round': (number);
  'rounds': (number);
  /**
   * Units of this round that are done, and its units: one a slot.
   */
  'done': (number);
  'slots': (number);
}
