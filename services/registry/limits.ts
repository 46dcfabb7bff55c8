/** Bytes of the largest model that is published, read or judged, where nothing else is said. */
export const DEFAULT_MAX_MODEL_BYTES = 256 * 1024 ** 2;
