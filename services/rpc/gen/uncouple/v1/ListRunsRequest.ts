// Original file: proto/uncouple/v1/trainer.proto


export interface ListRunsRequest {
}

export interface ListRunsRequest__Output {
}
