import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface, type Interface } from "node:readline";
import { fileURLToPath } from "node:url";

export interface TorchRequest {
  readonly widths: readonly number[];
  readonly batch: number;
  readonly threads: number;
  readonly device: "cpu" | "cuda";
  readonly seconds: number;
}

/** PyTorch in a separate process, if the system's Python has it. */
export class Torch {
  readonly version: string;
  readonly cuda: boolean;
  private readonly child: ChildProcess;
  private readonly lines: AsyncIterator<string>;
  private readonly reader: Interface;

  private constructor(child: ChildProcess, reader: Interface, lines: AsyncIterator<string>, hello: string) {
    const { version, cuda } = JSON.parse(hello) as { version: string; cuda: boolean };
    this.version = version;
    this.cuda = cuda;
    this.child = child;
    this.reader = reader;
    this.lines = lines;
  }

  /** Starts it. @returns undefined if `/usr/bin/python3` has no torch (Debian: python3-torch, with libopenblas0) */
  static async start(): Promise<Torch | undefined> {
    const script = fileURLToPath(new URL("./torch-steps.py", import.meta.url));
    const child = spawn("/usr/bin/python3", [script], { stdio: ["pipe", "pipe", "ignore"] });
    child.on("error", () => {});
    const reader = createInterface({ input: child.stdout as NodeJS.ReadableStream });
    const lines = reader[Symbol.asyncIterator]();
    const hello = await lines.next();
    return hello.done ? undefined : new Torch(child, reader, lines, hello.value);
  }

  async microsPerStep(request: TorchRequest): Promise<number> {
    this.child.stdin?.write(`${JSON.stringify(request)}\n`);
    const answer = await this.lines.next();
    if (answer.done) throw new Error("the PyTorch process exited");
    return (JSON.parse(answer.value) as { microsPerStep: number }).microsPerStep;
  }

  async stop(): Promise<void> {
    const ended = once(this.child, "exit");
    this.child.stdin?.end();
    await ended;
    this.reader.close();
  }
}
