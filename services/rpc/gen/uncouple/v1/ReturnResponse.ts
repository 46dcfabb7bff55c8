// Original file: proto/uncouple/v1/worker.proto


export interface ReturnResponse {
}

export interface ReturnResponse__Output {
}
