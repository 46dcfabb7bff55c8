// Original file: proto/uncouple/v1/trainer.proto


export interface WatchRunRequest {
  'id'?: (string);
}

export interface WatchRunRequest__Output {
  'id': (string);
}
