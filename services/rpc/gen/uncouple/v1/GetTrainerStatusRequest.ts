// Original file: proto/uncouple/v1/trainer.proto


export interface GetTrainerStatusRequest {
  /**
   * The component that is meant; needed if the trainer hosts several.
   */
  'component'?: (string);
  '_component'?: "component";
}

export interface GetTrainerStatusRequest__Output {
  /**
   * The component that is meant; needed if the trainer hosts several.
   */
  'component'?: (string);
  '_component'?: "component";
}
