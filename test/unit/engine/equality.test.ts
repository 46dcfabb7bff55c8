import { describe, it } from "vitest";
import { systemClock } from "../../../services/common/clock/system-clock.ts";
import { createOnnxEngine } from "../../../services/engine/onnx/onnx-engine.ts";
import { createWasmEngine } from "../../../services/engine/wasm/wasm-engine.ts";
import { equalityPrograms, expectAgreement } from "../../helpers/engine-equality.ts";

const compiled = [createOnnxEngine("cpu", { clock: systemClock }), createWasmEngine({ clock: systemClock })];

describe("the compiled engines agree with tfjs over 50 steps", () => {
  for (const { name, program } of equalityPrograms) it(name, () => expectAgreement(compiled, program));
});
