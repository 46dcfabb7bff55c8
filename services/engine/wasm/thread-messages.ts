import type { WasmModule } from "../../common/wasm/web-assembly.ts";

/** What the JavaScript thread asks of a thread that runs modules. A thread has many sessions, told apart by number. */
export type WasmRequest =
  | {
      readonly kind: "open";
      readonly session: number;
      readonly module: WasmModule;
      /** Of the module's bytes: instances of equal modules can follow each other. */
      readonly digest: string;
      readonly plan: SessionPlan;
    }
  | {
      /** A part of a resident column. */
      readonly kind: "column";
      readonly session: number;
      readonly column: number;
      /** Where the part begins, in values. */
      readonly from: number;
      readonly values: Float32Array<ArrayBuffer>;
    }
  | {
      readonly kind: "run";
      readonly session: number;
      readonly steps: number;
      readonly indices: Int32Array;
      /** Columns of the scalar schedule, [steps] each. */
      readonly scheduled: readonly Float32Array[];
      /** In the order of the layout. */
      readonly feeds: readonly Float32Array[];
    }
  | {
      /** Reads values of the carried vectors, which follow one another. */
      readonly kind: "state";
      readonly session: number;
      readonly from: number;
      readonly count: number;
    }
  | {
      /** Writes values of the carried vectors. */
      readonly kind: "restore";
      readonly session: number;
      readonly from: number;
      readonly values: Float32Array<ArrayBuffer>;
    }
  | { readonly kind: "close"; readonly session: number };

/** What a session keeps in its module's memory. */
export interface SessionPlan {
  /** First byte that is free for data. */
  readonly heap: number;
  /** Carried vectors, as bytes from the start of the memory and lengths in values. */
  readonly carried: readonly { readonly address: number; readonly length: number }[];
  /** Lengths of the resident columns, in values. */
  readonly columns: readonly number[];
}

/** `run` answers the losses, `state` the values, the others null. */
export type WasmResult = null | Float32Array;
