// Original file: proto/uncouple/v1/evaluator.proto


export interface ListVerdictsRequest {
}

export interface ListVerdictsRequest__Output {
}
