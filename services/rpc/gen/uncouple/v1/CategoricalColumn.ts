// Original file: proto/uncouple/v1/trainer.proto


export interface CategoricalColumn {
  /**
   * One per row.
   */
  'values'?: (string)[];
}

export interface CategoricalColumn__Output {
  /**
   * One per row.
   */
  'values': (string)[];
}
