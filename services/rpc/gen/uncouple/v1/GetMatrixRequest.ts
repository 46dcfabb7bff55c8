// Original file: proto/uncouple/v1/evaluator.proto


export interface GetMatrixRequest {
}

export interface GetMatrixRequest__Output {
}
