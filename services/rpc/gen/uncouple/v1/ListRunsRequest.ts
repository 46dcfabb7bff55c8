// Original file: proto/uncouple/v1/trainer.proto


export interface ListRunsRequest {
  /**
   * The component that is meant; needed if the trainer hosts several.
   */
  'component'?: (string);
  '_component'?: "component";
}

export interface ListRunsRequest__Output {
  /**
   * The component that is meant; needed if the trainer hosts several.
   */
  'component'?: (string);
  '_component'?: "component";
}
