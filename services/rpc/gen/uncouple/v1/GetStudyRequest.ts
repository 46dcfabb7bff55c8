// Original file: proto/uncouple/v1/tuning.proto


export interface GetStudyRequest {
  'id'?: (string);
  /**
   * The component that is meant; needed if the trainer hosts several.
   */
  'component'?: (string);
  '_component'?: "component";
}

export interface GetStudyRequest__Output {
  'id': (string);
  /**
   * The component that is meant; needed if the trainer hosts several.
   */
  'component'?: (string);
  '_component'?: "component";
}
