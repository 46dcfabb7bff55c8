// Original file: proto/uncouple/v1/trainer.proto


export interface ListComponentsRequest {
}

export interface ListComponentsRequest__Output {
}
