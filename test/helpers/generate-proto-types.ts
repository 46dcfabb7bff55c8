/** `npm run generate`: brings services/rpc/gen up to date with proto/. */
import { rm } from "node:fs/promises";
import { resolve } from "node:path";
import { generateProtoTypes } from "./proto-types.ts";

const folder = resolve(import.meta.dirname, "../../services/rpc/gen");
await rm(folder, { recursive: true, force: true });
await generateProtoTypes(folder);
