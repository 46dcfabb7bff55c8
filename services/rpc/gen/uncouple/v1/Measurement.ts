// Original file: proto/uncouple/v1/tuning.proto


/**
 * A loss on the validation rows, on the way.
 */
export interface Measurement {
  'step'?: (number);
  'value'?: (number | string);
}

/**
 * A loss on the validation rows, on the way.
 */
export interface Measurement__Output {
  'step': (number);
  'value': (number);
}
