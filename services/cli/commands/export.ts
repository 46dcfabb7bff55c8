import { resolve } from "node:path";
import { Command } from "commander";
import { writeWhole } from "../../common/files/write-whole.ts";
import { snapshotName } from "../../pipeline/manifest.ts";
import { type ConnectionFlags, withConnections, withPeers } from "../connect/connections.ts";
import type { CliContext } from "../context/context.ts";
import { parseReference, type SnapshotReference } from "../flags/reference.ts";
import { createOutput } from "../terminal/output.ts";
import { manifestJson } from "../text/manifest-text.ts";

interface ExportFlags extends ConnectionFlags {
  readonly force?: true;
  readonly json?: true;
}

export function exportCommand(context: CliContext): Command {
  return withPeers(
    new Command("export")
      .summary("write a snapshot's ONNX model to a file")
      .description(
        "Writes the ONNX model of a snapshot to a file, after checking its digest. Inputs and output are named as in the pipeline file, and inputs take raw values, so any ONNX runtime can run the model. The file is written atomically.",
      )
      .argument("<component@serial>", "for example m2@3", parseReference)
      .argument("<file>", "output file, for example m2.onnx")
      .option("--force", "overwrite an existing file")
      .option("--json", "print JSON: { file, manifest }"),
    "registry",
  )
    .addHelpText("after", "\nExample:\n  uncouple export m2@3 m2.onnx\n")
    .action(async ({ component, serial }: SnapshotReference, file: string, flags: ExportFlags) => {
      const output = createOutput(context, flags.json === true);
      await withConnections(context, flags, async (connections) => {
        const { registry } = await connections.backplane(component);
        const manifest = await registry.manifest(component, serial);
        const bytes = await registry.bytes(manifest, context.interrupted);
        await writeWhole(resolve(context.cwd, file), file, bytes, flags.force === true);
        output.result(
          { file, manifest: manifestJson(manifest) },
          () => `wrote ${snapshotName(manifest)} to ${file} (${bytes.length} bytes)`,
        );
      });
    });
}
