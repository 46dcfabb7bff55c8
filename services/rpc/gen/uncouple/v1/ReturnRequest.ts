// Original file: proto/uncouple/v1/worker.proto


export interface ReturnRequest {
  'worker'?: (string);
  'lease'?: (string);
}

export interface ReturnRequest__Output {
  'worker': (string);
  'lease': (string);
}
