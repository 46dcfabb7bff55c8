import { snapshotName } from "../../pipeline/manifest.ts";
import type { WriteOnceLog } from "../backplane.ts";
import type { MemoryLog } from "./log.ts";

export function createMemoryOnceLog<T extends { readonly component: string; readonly serial: number }>(
  log: MemoryLog<T>,
): WriteOnceLog<T> {
  /** The position of each entry, by `component@serial`. */
  const positions = new Map<string, number>();
  return {
    async append(value) {
      if (positions.has(snapshotName(value))) return false;
      positions.set(snapshotName(value), log.append(value));
      return true;
    },
    async get(component, serial) {
      const position = positions.get(snapshotName({ component, serial }));
      return position === undefined ? undefined : log.at(position);
    },
    async list() {
      return log.values();
    },
    async end() {
      return log.end();
    },
    read: (from) => log.read(from),
    watch: (from, signal) => log.watch(from, signal),
  };
}
