import { randomUUID } from "node:crypto";
import { link, rename, rm, writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { Command } from "commander";
import { UncoupleError } from "../../pipeline/errors.ts";
import { snapshotName } from "../../pipeline/manifest.ts";
import { fileTrouble } from "../configuration.ts";
import { type ConnectionFlags, withConnections, withPeers } from "../connections.ts";
import type { CliContext } from "../context.ts";
import { createOutput } from "../output.ts";
import { parseReference, type SnapshotReference } from "../reference.ts";

interface ExportFlags extends ConnectionFlags {
  readonly force?: true;
  readonly json?: true;
}

export function exportCommand(context: CliContext): Command {
  return withPeers(
    new Command("export")
      .summary("write a snapshot's ONNX model to a file")
      .description(
        "Writes a snapshot as an ONNX model, checked against its digest. Inputs and output have the names of the pipeline file and take raw values, so that any ONNX runtime can use it. The file appears whole or not at all.",
      )
      .argument("<component@serial>", "for example m2@3", parseReference)
      .argument("<file>", "where to, for example m2.onnx")
      .option("--force", "replace the file if it is there")
      .option("--json", "print JSON: { file, manifest }"),
    "registry",
  )
    .addHelpText("after", "\nExample:\n  uncouple export m2@3 m2.onnx\n")
    .action(async ({ component, serial }: SnapshotReference, file: string, flags: ExportFlags) => {
      const output = createOutput(context, flags.json === true);
      await withConnections(context, flags, async (connections) => {
        const { registry } = await connections.backplane();
        const manifest = await registry.manifest(component, serial);
        const bytes = await registry.bytes(manifest, context.interrupted);
        await writeWhole(resolve(context.cwd, file), file, bytes, flags.force === true);
        output.result({ file, manifest }, () => `${snapshotName(manifest)} written to ${file}, ${bytes.length} bytes`);
      });
    });
}

/**
 * @param name the file as the user named it
 * @throws UncoupleError `conflict` when it is there and may not be replaced; `invalid-argument` when it cannot be written
 */
export async function writeWhole(path: string, name: string, bytes: Uint8Array, replace: boolean): Promise<void> {
  const temporary = `${path}.${randomUUID()}`;
  try {
    await writeFile(temporary, bytes, { flag: "wx" });
    // Linking fails where the name is taken, which renaming would not.
    if (replace) await rename(temporary, path);
    else await link(temporary, path);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "EEXIST") {
      throw new UncoupleError("conflict", `${name} is there already: --force replaces it`, { cause });
    }
    const missing = (cause as NodeJS.ErrnoException).code === "ENOENT";
    const trouble = missing ? "there is no such folder" : fileTrouble(cause);
    throw new UncoupleError("invalid-argument", `${name} cannot be written: ${trouble}`, { cause });
  } finally {
    await rm(temporary, { force: true });
  }
}
