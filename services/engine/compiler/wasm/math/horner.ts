import type { FunctionBody, Local } from "../../../../common/wasm/function-body.ts";
import { OP } from "../../../../common/wasm/opcodes.ts";

/** Appends a polynomial of `x` in every lane. @param coefficients highest power first */
export function horner4(f: FunctionBody, x: Local, coefficients: readonly number[]): FunctionBody {
  const [first, ...rest] = coefficients;
  f.f32x4(first as number);
  for (const coefficient of rest) f.get(x).op(OP.f32x4Mul).f32x4(coefficient).op(OP.f32x4Add);
  return f;
}

/** Appends a polynomial of a float64. @param coefficients highest power first */
export function horner(f: FunctionBody, x: Local, coefficients: readonly number[]): FunctionBody {
  const [first, ...rest] = coefficients;
  f.f64(first as number);
  for (const coefficient of rest) f.get(x).op(OP.f64Mul).f64(coefficient).op(OP.f64Add);
  return f;
}
