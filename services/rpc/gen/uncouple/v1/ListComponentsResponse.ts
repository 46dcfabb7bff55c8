// Original file: proto/uncouple/v1/trainer.proto


export interface ListComponentsResponse {
  /**
   * At least one, in the order of the team files.
   */
  'components'?: (string)[];
}

export interface ListComponentsResponse__Output {
  /**
   * At least one, in the order of the team files.
   */
  'components': (string)[];
}
