// Original file: proto/uncouple/v1/trainer.proto


export interface GetRunRequest {
  'id'?: (string);
  /**
   * The component that is meant; needed if the trainer hosts several.
   */
  'component'?: (string);
  '_component'?: "component";
}

export interface GetRunRequest__Output {
  'id': (string);
  /**
   * The component that is meant; needed if the trainer hosts several.
   */
  'component'?: (string);
  '_component'?: "component";
}
