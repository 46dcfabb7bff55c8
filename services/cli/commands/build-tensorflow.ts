import { resolve } from "node:path";
import { Command } from "commander";
import { buildBinding } from "../../engine/tensorflow/build-binding.ts";
import type { CliContext } from "../context/context.ts";
import { createOutput } from "../terminal/output.ts";
import { plain } from "../terminal/style.ts";

interface BuildTensorflowFlags {
  readonly from?: string;
  readonly json?: true;
}

export function buildTensorflowCommand(context: CliContext): Command {
  return new Command("build-tensorflow")
    .summary("build what the engine tensorflow needs")
    .description(
      "Builds the native binding of @tensorflow/tfjs-node-gpu (or @tensorflow/tfjs-node) against TensorFlow's own Python package, without downloading anything, and checks that it trains. Needs Linux and a C++ compiler; python3 finds an installed TensorFlow and unpacks wheels. Get a wheel with `python3 -m pip download --no-deps tensorflow` (for GPUs) or `tensorflow-cpu`.",
    )
    .option(
      "--from <wheel or folder>",
      "a wheel, a virtual environment, or a folder with the package (default: the TensorFlow that python3 imports)",
    )
    .option("--json", "print JSON: { package, version, gpu, file }")
    .addHelpText(
      "after",
      "\nExamples:\n  uncouple build-tensorflow\n  uncouple build-tensorflow --from tensorflow_cpu-2.21.0-cp312-cp312-manylinux_2_27_x86_64.whl\n",
    )
    .action(async ({ from, json }: BuildTensorflowFlags) => {
      const output = createOutput(context, json === true);
      const { env, cwd, clock, interrupted } = context;
      const built = await buildBinding({
        from: from === undefined ? undefined : resolve(cwd, from),
        node: process.execPath,
        env,
        clock,
        signal: interrupted,
        log: (line) => output.note(plain(line)),
      });
      output.result(
        built,
        () =>
          `built ${plain(built.file)}: TensorFlow ${built.version}, ${built.gpu ? "on a GPU" : "on the processor; no GPU was found"}`,
      );
    });
}
