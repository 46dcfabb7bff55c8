// Original file: proto/uncouple/v1/trainer.proto


export interface CancelRunRequest {
  'id'?: (string);
}

export interface CancelRunRequest__Output {
  'id': (string);
}
