import util from "node:util";

/**
 * Puts back `util.isNullOrUndefined` and `util.isArray`, which tfjs-node 4.22 calls: Node 23 removed them, and Node 22 warns
 * about them on stderr (DEP0051, DEP0044). Affects whoever else requires `util`, with the behavior that Node 20 documents.
 */
export function provideRemovedFunctions(): void {
  Object.assign(util, {
    isNullOrUndefined: (value: unknown) => value === undefined || value === null,
    isArray: Array.isArray,
  });
}
