// Original file: proto/uncouple/v1/worker.proto


export interface ListWorkersRequest {
}

export interface ListWorkersRequest__Output {
}
