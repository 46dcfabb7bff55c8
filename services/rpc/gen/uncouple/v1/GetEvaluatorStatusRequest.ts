// Original file: proto/uncouple/v1/evaluator.proto


export interface GetEvaluatorStatusRequest {
}

export interface GetEvaluatorStatusRequest__Output {
}
