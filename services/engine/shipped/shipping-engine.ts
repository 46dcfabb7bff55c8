/** The engines that run recorded steps, and so programs that come from another process. */
export const SHIPPING_ENGINES = ["wasm", "onnx:cpu", "onnx:webgpu", "onnx:cuda"] as const;
export type ShippingEngine = (typeof SHIPPING_ENGINES)[number];

export function isShippingEngine(name: string): name is ShippingEngine {
  return (SHIPPING_ENGINES as readonly string[]).includes(name);
}
