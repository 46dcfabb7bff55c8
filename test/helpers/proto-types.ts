import { execFile } from "node:child_process";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { loaderOptions, protoFiles } from "../../services/rpc/loader.ts";

const root = resolve(import.meta.dirname, "../..");

/** The command-line flag of each loader option; a new option does not compile until it has one. */
const flags: Readonly<Record<keyof typeof loaderOptions, string>> = {
  longs: `--longs=${loaderOptions.longs.name}`,
  enums: `--enums=${loaderOptions.enums.name}`,
  defaults: `--defaults=${loaderOptions.defaults}`,
  oneofs: `--oneofs=${loaderOptions.oneofs}`,
};

/** Generates the TypeScript types of proto/ with the very options that messages are loaded with. */
export async function generateProtoTypes(folder: string): Promise<void> {
  const bin = join(root, "node_modules/@grpc/proto-loader/build/bin/proto-loader-gen-types.js");
  const args = [...Object.values(flags), "--grpcLib=@grpc/grpc-js", "--importFileExtension=.ts", "--includeComments"];
  await promisify(execFile)(process.execPath, [bin, ...args, "-I", "proto", "-O", folder, ...protoFiles], {
    cwd: root,
  });
}
