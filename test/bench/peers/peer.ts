import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface, type Interface } from "node:readline";
import { fileURLToPath } from "node:url";

/** A library in Python that the engines are compared with, and its script in this folder. */
export interface PeerKind {
  readonly name: "pytorch" | "jax";
  readonly script: string;
}

export const PEERS: readonly PeerKind[] = [
  { name: "pytorch", script: "pytorch-steps.py" },
  { name: "jax", script: "jax-scan.py" },
];

export interface PeerModel {
  readonly mode: string;
  readonly widths: readonly number[];
  readonly batch: number;
  readonly device: "cpu" | "cuda";
}

interface Hello {
  readonly library: string;
  readonly version: string;
  readonly modes: readonly string[];
  readonly cuda: boolean;
}

type Answer<T> = T | { readonly error: string };

/** A peer in a process of its own, which inherits the affinity mask and sleeps between requests. */
export class Peer {
  readonly kind: PeerKind;
  readonly hello: Hello;
  private readonly child: ChildProcess;
  private readonly reader: Interface;
  private readonly lines: AsyncIterator<string>;

  private constructor(
    kind: PeerKind,
    hello: Hello,
    child: ChildProcess,
    reader: Interface,
    lines: AsyncIterator<string>,
  ) {
    this.kind = kind;
    this.hello = hello;
    this.child = child;
    this.reader = reader;
    this.lines = lines;
  }

  /** @returns why it cannot start, in one line, if this Python lacks the library */
  static async start(kind: PeerKind, python: string): Promise<Peer | string> {
    const script = fileURLToPath(new URL(kind.script, import.meta.url));
    const child = spawn(python, [script], { stdio: ["pipe", "pipe", "ignore"] });
    let failure = "the process exited";
    child.on("error", (error) => {
      failure = error.message;
    });
    // The peer may be in the middle of a request when the benchmark is interrupted.
    process.once("exit", () => child.kill("SIGKILL"));
    const reader = createInterface({ input: child.stdout as NodeJS.ReadableStream });
    const lines = reader[Symbol.asyncIterator]();
    const first = await lines.next();
    const hello: Answer<Hello> = first.done ? { error: failure } : JSON.parse(first.value);
    return "error" in hello ? hello.error : new Peer(kind, hello, child, reader, lines);
  }

  /** Prepares the model with its first call, and keeps those of the latest size. */
  async microsPerStep(model: PeerModel, seconds: number): Promise<number> {
    return (await this.ask<{ microsPerStep: number }>({ ...model, seconds })).microsPerStep;
  }

  /** The rate of the product of two matrices, [m, k] times [k, n], in GFLOP/s. */
  async product(size: readonly [number, number, number], seconds: number): Promise<number> {
    return (await this.ask<{ gflops: number }>({ product: size, seconds })).gflops;
  }

  private async ask<T extends object>(request: object): Promise<T> {
    this.child.stdin?.write(`${JSON.stringify(request)}\n`);
    const line = await this.lines.next();
    if (line.done) throw new Error(`the ${this.hello.library} process exited`);
    const answer = JSON.parse(line.value) as Answer<T>;
    if ("error" in answer) throw new Error(answer.error as string);
    return answer;
  }

  async stop(): Promise<void> {
    const ended = once(this.child, "exit");
    this.child.stdin?.end();
    await ended;
    this.reader.close();
  }
}
