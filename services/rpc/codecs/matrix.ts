import type { CellDifference, MatrixCell, PipelineMatrix, SnapshotPair } from "../../pipeline/verdict.ts";
import type { CellDifference__Output, CellDifference as DifferenceMessage } from "../gen/uncouple/v1/CellDifference.ts";
import type { Matrix, Matrix__Output } from "../gen/uncouple/v1/Matrix.ts";
import type { MatrixCell as CellMessage, MatrixCell__Output } from "../gen/uncouple/v1/MatrixCell.ts";
import { optional, required, same, uint32 } from "./fields.ts";
import { decodeGap, decodeInterval, encodeGap, encodeInterval } from "./verdict.ts";

export function encodeMatrix(matrix: PipelineMatrix): Matrix {
  return {
    upstream: matrix.upstream,
    downstream: matrix.downstream,
    upstreamSerials: matrix.upstreamSerials.map((serial) => uint32(serial, "upstreamSerials")),
    downstreamSerials: matrix.downstreamSerials.map((serial) => uint32(serial, "downstreamSerials")),
    cells: matrix.cells.map(encodeCell),
    ...optional("current", matrix.current ?? null, encodePair),
    ...optional("intervals", matrix.intervals ?? null, ({ method, level, compared }) => ({
      method,
      level,
      compared: uint32(compared, "compared"),
    })),
    ...optional("gap", matrix.gap ?? null, encodeGap),
  };
}

/** @throws UncoupleError `data-loss` */
export function decodeMatrix(message: Matrix__Output): PipelineMatrix {
  const { upstream, downstream, upstreamSerials, downstreamSerials, cells, current, intervals, gap } = message;
  return {
    upstream,
    downstream,
    upstreamSerials,
    downstreamSerials,
    cells: cells.map(decodeCell),
    ...(current !== null && { current }),
    ...(intervals !== null && { intervals }),
    ...(gap !== null && { gap: decodeGap(gap) }),
  };
}

function encodePair({ upstreamSerial, downstreamSerial }: SnapshotPair) {
  return {
    upstreamSerial: uint32(upstreamSerial, "upstreamSerial"),
    downstreamSerial: uint32(downstreamSerial, "downstreamSerial"),
  };
}

function encodeCell(cell: MatrixCell): CellMessage {
  return {
    ...encodePair(cell),
    loss: cell.loss,
    ...optional("comparison", cell.comparison ?? null, encodeDifference),
  };
}

function decodeCell({ upstreamSerial, downstreamSerial, loss, comparison }: MatrixCell__Output): MatrixCell {
  return {
    upstreamSerial,
    downstreamSerial,
    loss,
    ...(comparison !== null && { comparison: decodeDifference(comparison) }),
  };
}

function encodeDifference(found: CellDifference): DifferenceMessage {
  const { kind, reason, difference, relative, interval, level } = found;
  return {
    kind,
    ...optional("reason", reason ?? null, same),
    difference,
    ...optional("relative", relative, same),
    interval: encodeInterval(interval),
    level,
  };
}

function decodeDifference(message: CellDifference__Output): CellDifference {
  const { kind, reason, difference, relative, interval, level } = message;
  return {
    kind,
    ...(reason !== undefined && { reason }),
    difference,
    relative: relative ?? null,
    interval: decodeInterval(required(interval, "interval", "data-loss")),
    level,
  };
}
