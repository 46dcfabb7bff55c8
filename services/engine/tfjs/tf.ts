import { createRequire } from "node:module";
import type * as Tf from "@tensorflow/tfjs";

/**
 * tfjs. It is required and not imported: an import first scans its megabytes of CommonJS for the names of exports, which
 * takes every process a fifth of a second.
 */
export const tf = createRequire(import.meta.url)("@tensorflow/tfjs") as typeof Tf;
