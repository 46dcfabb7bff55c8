import type { ExecutionProvider } from "../../pipeline/team.ts";

/** Requests to the thread that runs ONNX Runtime. Responses carry the request's number. */
export type OnnxRequest =
  | {
      /** A part of a graph input that stays for the whole session, sent before `open`. */
      readonly kind: "column";
      readonly name: string;
      /** Of the whole column. */
      readonly length: number;
      /** Where the part begins. */
      readonly from: number;
      readonly values: Float32Array<ArrayBuffer>;
    }
  | {
      readonly kind: "open";
      /** Identifies the compiled model; threads cache models. */
      readonly digest: string;
      readonly model: Uint8Array;
      readonly provider: ExecutionProvider;
      readonly threads: number;
      /** Names and widths of the columns that were sent. */
      readonly resident: Readonly<Record<string, number>>;
      readonly rows: number;
      /** Values of the carried inputs, in order. */
      readonly state: readonly CarriedTensor[];
    }
  | {
      readonly kind: "run";
      readonly steps: number;
      readonly batch: number;
      readonly indices: Int32Array;
      /** Columns of the scalar schedule, [steps] each. */
      readonly scheduled: readonly Float32Array[];
      readonly feeds: Readonly<Record<string, { readonly values: Float32Array; readonly width: number }>>;
    }
  | { readonly kind: "state" }
  | { readonly kind: "restore"; readonly state: readonly CarriedTensor[] }
  | { readonly kind: "close" };

export interface CarriedTensor {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/** `column`, `open`, `restore` and `close` answer null, `run` the losses, `state` the carried values. */
export type OnnxResult = null | Float32Array | readonly Float32Array[];
