// Original file: proto/uncouple/v1/worker.proto


export interface LeaseRequest {
  'worker'?: (string);
}

export interface LeaseRequest__Output {
  'worker': (string);
}
