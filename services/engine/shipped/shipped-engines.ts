import type { Clock } from "../../common/clock/clock.ts";
import { UncoupleError } from "../../common/errors.ts";
import type { CompiledEngine } from "../compiler/compiled-engine.ts";
import type { Engine } from "../interface/engine.ts";
import type { TrainingProgram } from "../interface/program.ts";
import { checkData } from "../interface/program-shape.ts";
import { createOnnxEngine } from "../onnx/onnx-engine.ts";
import { createWasmEngine } from "../wasm/wasm-engine.ts";
import type { UnpackedProgram } from "./packed-program.ts";
import type { ShippingEngine } from "./shipping-engine.ts";

/** Engines that run unpacked programs. */
export interface ShippedEngines {
  /**
   * @returns an engine that runs the step of this program, whatever else is prepared with it, and the program
   * @throws UncoupleError `invalid-argument` on `prepare` if the engine cannot run it
   */
  of(name: ShippingEngine, unpacked: UnpackedProgram): { readonly engine: Engine; readonly program: TrainingProgram };
}

/** @param threads sessions that run at the same time on `wasm`; threads of one session on `onnx:cpu` */
export function createShippedEngines(clock: Clock, threads?: number): ShippedEngines {
  const limit = threads === undefined ? {} : { threads };
  const wasm = createWasmEngine({ clock, ...limit });
  const onnx = new Map<string, CompiledEngine<unknown>>();
  const compiledEngine = (name: ShippingEngine): CompiledEngine<unknown> => {
    if (name === "wasm") return wasm as CompiledEngine<unknown>;
    const known =
      onnx.get(name) ??
      (createOnnxEngine(name.slice("onnx:".length) as "cpu" | "webgpu" | "cuda", {
        clock,
        ...limit,
      }) as CompiledEngine<unknown>);
    onnx.set(name, known);
    return known;
  };
  return {
    of(name, { recorded, shape }) {
      const compiler = compiledEngine(name);
      // Learning rates come with every chunk.
      const program: TrainingProgram = { ...shape, optimizer: { name: "sgd", learningRate: 0 }, build: notHere };
      const engine: Engine = {
        name,
        reason: "selected",
        clock,
        async prepare(given, data, rows) {
          // The recorded step is the same, whether its rows are resident or come with each chunk.
          const { resident, feeds, streamed } = given;
          const own: TrainingProgram = { ...program, resident, feeds, ...(streamed !== undefined && { streamed }) };
          checkData(own, data, rows);
          return compiler.open(compiler.compile(recorded, own), own, data, rows);
        },
      };
      return { engine, program };
    },
  };
}

function notHere(): never {
  throw new UncoupleError("internal", "a program that was recorded elsewhere cannot be built here");
}
