// Original file: proto/uncouple/v1/tuning.proto


export interface ListStudiesRequest {
  /**
   * The component that is meant; needed if the trainer hosts several.
   */
  'component'?: (string);
  '_component'?: "component";
}

export interface ListStudiesRequest__Output {
  /**
   * The component that is meant; needed if the trainer hosts several.
   */
  'component'?: (string);
  '_component'?: "component";
}
