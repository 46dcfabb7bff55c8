// Original file: proto/uncouple/v1/evaluator.proto


export interface ListQuarantinesRequest {
}

export interface ListQuarantinesRequest__Output {
}
