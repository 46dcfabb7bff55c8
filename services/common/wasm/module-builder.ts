import { Bytes } from "./bytes.ts";
import { FunctionBody } from "./function-body.ts";
import { RAW, TYPE, type ValueType } from "./opcodes.ts";

export interface Signature {
  readonly parameters: readonly ValueType[];
  readonly results: readonly ValueType[];
}

/** Bytes of a page of WebAssembly memory. */
export const PAGE_BYTES = 65_536;
/** A module's memory has at most this many pages: 4 GiB. */
export const MOST_PAGES = 65_536;

const SECTION = { type: 1, function: 3, memory: 5, global: 6, export: 7, code: 10, data: 11 } as const;
const EXPORT = { function: 0, memory: 2 } as const;
const FUNCTION_TYPE = 0x60;

/**
 * Assembles a module in the WebAssembly binary format: functions, mutable i32 globals, one memory, data. No imports, so
 * that a module can compute nothing but what its own instructions say.
 */
export class ModuleBuilder {
  private readonly signatures: Signature[] = [];
  private readonly functions: { readonly type: number; readonly body: FunctionBody }[] = [];
  private readonly exported: { readonly name: string; readonly index: number }[] = [];
  private readonly data: { readonly address: number; readonly bytes: Uint8Array }[] = [];
  private globals = 0;

  /**
   * Adds a function.
   *
   * @param build appends its instructions; it may call the function itself and may add further functions
   * @returns its index, for `call`
   */
  function({ parameters, results }: Signature, build: (body: FunctionBody, index: number) => void): number {
    const index = this.functions.length;
    const body = new FunctionBody(parameters);
    this.functions.push({ type: this.typeIndex({ parameters, results }), body });
    build(body, index);
    return index;
  }

  export(name: string, functionIndex: number): void {
    this.exported.push({ name, index: functionIndex });
  }

  /** Adds a mutable i32 global that begins at zero. @returns its index */
  global(): number {
    return this.globals++;
  }

  /** Bytes that are in memory when the module starts. */
  place(address: number, bytes: Uint8Array): void {
    this.data.push({ address, bytes });
  }

  /**
   * @param memoryBytes size of the memory at the start
   * @param grows whether the embedder may grow it, as `memory` is exported; address space is reserved for that
   */
  encode(memoryBytes: number, grows: boolean): Uint8Array<ArrayBuffer> {
    const module = new Bytes();
    module.raw(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0));
    const section = (id: number, write: (content: Bytes) => void) => {
      const content = new Bytes();
      write(content);
      module.byte(id);
      module.sized(content);
    };
    section(SECTION.type, (content) => {
      content.unsigned(this.signatures.length);
      for (const { parameters, results } of this.signatures) {
        content.byte(FUNCTION_TYPE);
        for (const list of [parameters, results]) {
          content.unsigned(list.length);
          for (const type of list) content.byte(TYPE[type]);
        }
      }
    });
    section(SECTION.function, (content) => {
      content.unsigned(this.functions.length);
      for (const { type } of this.functions) content.unsigned(type);
    });
    section(SECTION.memory, (content) => {
      content.unsigned(1);
      content.byte(1);
      const pages = Math.max(1, Math.ceil(memoryBytes / PAGE_BYTES));
      content.unsigned(pages);
      content.unsigned(grows ? MOST_PAGES : pages);
    });
    section(SECTION.global, (content) => {
      content.unsigned(this.globals);
      for (let global = 0; global < this.globals; global++) {
        content.raw(Uint8Array.of(TYPE.i32, 1, RAW.i32Const, 0, RAW.end));
      }
    });
    section(SECTION.export, (content) => {
      content.unsigned(this.exported.length + 1);
      content.text("memory");
      content.byte(EXPORT.memory);
      content.unsigned(0);
      for (const { name, index } of this.exported) {
        content.text(name);
        content.byte(EXPORT.function);
        content.unsigned(index);
      }
    });
    section(SECTION.code, (content) => {
      content.unsigned(this.functions.length);
      for (const { body } of this.functions) content.sized(body.encode());
    });
    section(SECTION.data, (content) => {
      content.unsigned(this.data.length);
      for (const { address, bytes } of this.data) {
        content.byte(0);
        content.byte(RAW.i32Const);
        content.signed32(address);
        content.byte(RAW.end);
        content.unsigned(bytes.length);
        content.raw(bytes);
      }
    });
    return module.view().slice();
  }

  private typeIndex(signature: Signature): number {
    const key = JSON.stringify(signature);
    const known = this.signatures.findIndex((other) => JSON.stringify(other) === key);
    if (known >= 0) return known;
    this.signatures.push(signature);
    return this.signatures.length - 1;
  }
}
