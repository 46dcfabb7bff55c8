import { type ErrorCode, UncoupleError } from "../../common/errors.ts";
import type { Prediction, PredictionColumn, PredictionInputs } from "../../pipeline/prediction.ts";
import type { Column, Column__Output } from "../gen/uncouple/v1/Column.ts";
import type { PredictRequest, PredictRequest__Output } from "../gen/uncouple/v1/PredictRequest.ts";
import type { PredictResponse, PredictResponse__Output } from "../gen/uncouple/v1/PredictResponse.ts";
import { uint32 } from "./fields.ts";
import { decodeFloats, encodeFloats } from "./floats.ts";

export interface PredictCall {
  readonly inputs: PredictionInputs;
  readonly serial: number | undefined;
}

/** @throws UncoupleError `invalid-argument` naming a column whose number of values does not match the rows */
export function encodePredictRequest({ inputs, serial }: PredictCall): PredictRequest {
  const { rows, columns } = inputs;
  return {
    ...(serial === undefined ? {} : { serial: uint32(serial, "serial") }),
    rows: uint32(rows, "rows"),
    columns: Object.entries(columns).map(([name, column]) => encodeColumn(name, column, rows)),
  };
}

function encodeColumn(name: string, column: PredictionColumn, rows: number): Column {
  const size = column.kind === "numeric" ? rows * column.width : rows;
  if (column.values.length !== size) {
    const message = `column ${name}: ${column.values.length} values where ${rows} rows need ${size}`;
    throw new UncoupleError("invalid-argument", message);
  }
  return column.kind === "numeric"
    ? { name, numeric: { width: uint32(column.width, `column ${name}: width`), values: encodeFloats(column.values) } }
    : { name, categorical: { values: [...column.values] } };
}

/** @throws UncoupleError `invalid-argument` naming a column that is malformed, duplicated or empty */
export function decodePredictRequest(message: PredictRequest__Output): PredictCall {
  const { rows } = message;
  const columns = new Map<string, PredictionColumn>();
  for (const column of message.columns) {
    const refuse = (why: string) => new UncoupleError("invalid-argument", `column ${column.name}: ${why}`);
    if (columns.has(column.name)) throw refuse("appears twice");
    columns.set(column.name, decodeColumn(column, rows, refuse));
  }
  return { serial: message.serial, inputs: { rows, columns: Object.fromEntries(columns) } };
}

function decodeColumn(column: Column__Output, rows: number, refuse: (why: string) => UncoupleError): PredictionColumn {
  const { numeric, categorical } = column;
  if (column.values === "categorical" && categorical) {
    const { values } = categorical;
    if (values.length !== rows) throw refuse(`${values.length} texts where ${rows} rows must be`);
    return { kind: "categorical", values };
  }
  if (column.values === "numeric" && numeric) {
    const { width, values } = numeric;
    if (width === 0) throw refuse("width 0");
    const floats = decodeFloats(values, rows * width, `column ${column.name}`, "invalid-argument");
    return { kind: "numeric", width, values: floats };
  }
  throw refuse("neither numeric nor categorical values");
}

export function encodePrediction(prediction: Prediction): PredictResponse {
  return {
    serial: uint32(prediction.serial, "serial"),
    width: uint32(prediction.width, "width"),
    values: encodeFloats(prediction.values),
  };
}

/** @throws UncoupleError `data-loss` if it does not have one output per row */
export function decodePrediction(message: PredictResponse__Output, rows: number): Prediction {
  const { serial, width } = message;
  return { serial, width, values: decodeFloats(message.values, rows * width, "prediction", "data-loss") };
}

/** Upper bound of a predict request's size on the wire, in bytes. */
export function requestBytes(inputs: PredictionInputs): number {
  let bytes = 64;
  for (const [name, column] of Object.entries(inputs.columns)) {
    bytes += Buffer.byteLength(name) + 64;
    if (column.kind === "numeric") bytes += column.values.byteLength;
    else for (const text of column.values) bytes += Buffer.byteLength(text) + 6;
  }
  return bytes;
}

/** Upper bound of a predict response's size on the wire, in bytes. */
export function responseBytes(prediction: Prediction): number {
  return prediction.values.byteLength + 64;
}

/** @throws UncoupleError `resource-exhausted` naming the setting */
export function checkMessageSize(what: string, bytes: number, maxMessageBytes: number, rows: number): void {
  if (bytes <= maxMessageBytes) return;
  const code: ErrorCode = "resource-exhausted";
  const fit = Math.floor((rows * maxMessageBytes) / bytes);
  throw new UncoupleError(
    code,
    `the ${what} for ${rows} rows takes ${bytes} bytes, above maxMessageBytes = ${maxMessageBytes}; ` +
      `send about ${fit} rows at a time`,
  );
}
