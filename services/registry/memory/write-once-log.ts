import type { WriteOnceLog } from "../backplane.ts";
import { createMemoryLog } from "./log.ts";

export function createMemoryOnceLog<T extends { readonly component: string; readonly serial: number }>(
  closed: AbortSignal,
): WriteOnceLog<T> {
  const log = createMemoryLog<T>(closed);
  const find = (component: string, serial: number) =>
    log.values.find((value) => value.component === component && value.serial === serial);
  return {
    async append(value) {
      if (find(value.component, value.serial) !== undefined) return false;
      log.append(value);
      return true;
    },
    async get(component, serial) {
      return find(component, serial);
    },
    async list() {
      return [...log.values];
    },
    watch: (from, signal) => log.watch(from, signal),
  };
}
