// Original file: proto/uncouple/v1/trainer.proto


export interface CategoricalColumn {
  /**
   * One a row.
   */
  'values'?: (string)[];
}

export interface CategoricalColumn__Output {
  /**
   * One a row.
   */
  'values': (string)[];
}
