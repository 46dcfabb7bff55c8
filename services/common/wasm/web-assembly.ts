/**
 * The part of the WebAssembly JavaScript interface that Uncouple uses: TypeScript declares it for browsers only.
 */
export interface WasmModule {
  readonly [Symbol.toStringTag]: "WebAssembly.Module";
}

export interface WasmMemory {
  readonly buffer: ArrayBuffer;
  /** @param pages of 64 KiB @returns the pages before @throws RangeError when there is no such memory */
  grow(pages: number): number;
}

interface Interface {
  readonly Module: new (bytes: Uint8Array) => WasmModule;
  readonly Instance: new (module: WasmModule) => { readonly exports: Readonly<Record<string, unknown>> };
  validate(bytes: Uint8Array): boolean;
}

declare const WebAssembly: Interface;

/** Compiles a module. Synchronous: ours are tens of kilobytes. */
export function compileModule(bytes: Uint8Array): WasmModule {
  return new WebAssembly.Module(bytes);
}

/** The exports of a new instance with a memory of its own. */
export function instantiate(module: WasmModule): Readonly<Record<string, unknown>> {
  return new WebAssembly.Instance(module).exports;
}
