import { resolve } from "node:path";
import type { Command } from "commander";
import { UncoupleError } from "../../common/errors.ts";
import { isAlive } from "../../common/files/folder-lock.ts";
import { didYouMean } from "../../common/suggest.ts";
import type { Backplane } from "../../registry/backplane.ts";
import type { ConnectOptions } from "../../rpc/client/client.ts";
import type { RemoteEvaluator } from "../../rpc/client/evaluator-client.ts";
import type { RemoteTrainer } from "../../rpc/client/trainer-client.ts";
import { type CliContext, setting } from "../context/context.ts";
import { interruptible } from "../context/interruptible.ts";
import { parseNatsAddress } from "../flags/nats-address.ts";
import { readPem } from "../flags/pem.ts";
import { readStack, type Stack, stackFile } from "./stack-file.ts";

/** What a command talks to. */
export type Peer = "trainer" | "evaluator" | "registry";

export interface ConnectionFlags {
  readonly dir?: string;
  readonly trainer?: readonly string[];
  readonly evaluator?: string;
  readonly nats?: string;
  readonly pipeline?: string;
  readonly tlsCa?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
}

export const DEFAULT_DIR = ".uncouple";

/** Adds the flags that say where the peers are. */
export function withPeers(command: Command, ...peers: readonly Peer[]): Command {
  command.option("--dir <folder>", "folder of the stack file that `uncouple up` writes (default: .uncouple)");
  if (peers.includes("trainer")) {
    const collect = (text: string, so: readonly string[] = []) => [...so, ...text.split(",")];
    command.option("--trainer <host:port>", "a trainer elsewhere, repeatable (UNCOUPLE_TRAINER)", collect);
  }
  if (peers.includes("evaluator")) {
    command.option("--evaluator <host:port>", "an evaluator elsewhere (UNCOUPLE_EVALUATOR)");
  }
  if (peers.includes("registry")) {
    command.option("--nats <url>", "a NATS server elsewhere (NATS_URL); needs --pipeline");
    command.option("--pipeline <name>", "the pipeline's name, with --nats (UNCOUPLE_PIPELINE)");
  }
  if (peers.includes("trainer") || peers.includes("evaluator")) {
    command.option("--tls-ca <file>", "speak TLS, to servers with a certificate of this authority (PEM)");
    command.option("--tls-cert <file>", "the certificate to show, with --tls-ca (PEM)");
    command.option("--tls-key <file>", "its private key (PEM)");
  }
  return command;
}

/** Where the services are, by flag, else by environment variable, else by the stack file. */
export interface Connections {
  /** The trainer of a component. @throws UncoupleError `not-found` naming those that there are */
  trainer(component: string): Promise<RemoteTrainer>;
  /** All trainers that are known, by component. */
  trainers(): Promise<ReadonlyMap<string, RemoteTrainer>>;
  /**
   * @param component one that has to be the pipeline's, if there is a stack file to tell
   * @throws UncoupleError `not-found` naming those that there are
   */
  evaluator(component?: string): Promise<RemoteEvaluator>;
  /** As `evaluator`; of a pipeline that is there, or `not-found` names those that the server has. */
  backplane(component?: string): Promise<Backplane>;
}

/** A command that follows something says in this time after Ctrl-C how it goes on without it. */
const OWN_END_MS = 1_000;

/** Gives a command its connections, and closes them afterwards, or soon after Ctrl-C. */
export async function withConnections<T>(
  context: CliContext,
  flags: ConnectionFlags,
  work: (connections: Connections) => Promise<T>,
): Promise<T> {
  const closers: (() => Promise<void> | void)[] = [];
  try {
    return await interruptible(context, work(createConnections(context, flags, closers)), OWN_END_MS);
  } finally {
    for (const close of closers.reverse()) await close();
  }
}

function createConnections(
  context: CliContext,
  flags: ConnectionFlags,
  closers: (() => Promise<void> | void)[],
): Connections {
  const { env } = context;
  const dir = resolve(context.cwd, flags.dir ?? setting(env, "UNCOUPLE_DIR") ?? DEFAULT_DIR);
  let stack: Promise<Stack> | undefined;
  const stackOr = (what: string, flag: string) => {
    stack ??= livingStack(dir, what, flag);
    return stack;
  };

  async function connect(address: string): Promise<RemoteTrainer> {
    const { connectTrainer } = await import("../../rpc/client/trainer-client.ts");
    const trainer = connectTrainer(address, await clientOptions(context, flags));
    closers.push(() => trainer.close());
    return trainer;
  }

  /** Trainers by flag or environment say themselves whose they are. */
  async function namedTrainers(): Promise<ReadonlyMap<string, RemoteTrainer> | undefined> {
    const addresses =
      flags.trainer ??
      setting(env, "UNCOUPLE_TRAINER")
        ?.split(",")
        .filter((part) => part !== "");
    if (addresses === undefined || addresses.length === 0) return undefined;
    const trainers = new Map<string, RemoteTrainer>();
    for (const address of addresses) {
      const trainer = await connect(address.trim());
      trainers.set((await trainer.status()).component, trainer);
    }
    return trainers;
  }

  return {
    async trainer(component) {
      const named = await namedTrainers();
      const addresses = named === undefined ? (await stackOr("trainer", "--trainer HOST:PORT")).trainers : undefined;
      const address = addresses !== undefined && Object.hasOwn(addresses, component) ? addresses[component] : undefined;
      const trainer = address === undefined ? named?.get(component) : await connect(address);
      if (trainer !== undefined) return trainer;
      const known = [...(named?.keys() ?? Object.keys(addresses ?? {}))];
      throw new UncoupleError(
        "not-found",
        `there is no trainer of component "${component}"; there are trainers of: ${known.join(", ") || "none"}${didYouMean(component, known)}`,
      );
    },
    async trainers() {
      const named = await namedTrainers();
      if (named !== undefined) return named;
      const { trainers } = await stackOr("trainer", "--trainer HOST:PORT");
      const all = new Map<string, RemoteTrainer>();
      for (const [component, address] of Object.entries(trainers)) all.set(component, await connect(address));
      return all;
    },
    async evaluator(component) {
      const named = flags.evaluator ?? setting(env, "UNCOUPLE_EVALUATOR");
      const stacked = named === undefined ? await stackOr("evaluator", "--evaluator HOST:PORT") : undefined;
      if (stacked !== undefined) checkComponent(component, stacked);
      const address = named ?? stacked?.evaluator ?? "";
      const { connectEvaluator } = await import("../../rpc/client/evaluator-client.ts");
      const evaluator = connectEvaluator(address, await clientOptions(context, flags));
      closers.push(() => evaluator.close());
      return evaluator;
    },
    async backplane(component) {
      const { url, pipeline } = await registryPlace(flags, env, async () => {
        const stacked = await stackOr("registry", "--nats URL --pipeline NAME");
        checkComponent(component, stacked);
        return stacked;
      });
      const { connectJetStream } = await import("../../registry/jetstream/backplane.ts");
      const backplane = await connectJetStream({
        ...parseNatsAddress(url),
        pipeline,
        clock: context.clock,
        name: "uncouple-cli",
        create: false,
      });
      closers.push(() => backplane.close());
      return backplane;
    },
  };
}

/** @throws UncoupleError `invalid-argument` for half of a pair, or a file that cannot be read */
async function clientOptions(context: CliContext, flags: ConnectionFlags): Promise<ConnectOptions> {
  const { tlsCa, tlsCert, tlsKey } = flags;
  if ((tlsCert === undefined) !== (tlsKey === undefined) || (tlsCert !== undefined && tlsCa === undefined)) {
    throw new UncoupleError(
      "invalid-argument",
      "TLS takes --tls-ca, and --tls-cert and --tls-key only together with it",
    );
  }
  const { clock } = context;
  if (tlsCa === undefined) return { clock };
  const own =
    tlsCert === undefined || tlsKey === undefined
      ? {}
      : { certificate: await readPem(context, tlsCert), key: await readPem(context, tlsKey) };
  return { clock, tls: { ca: await readPem(context, tlsCa), ...own } };
}

async function registryPlace(
  flags: ConnectionFlags,
  env: CliContext["env"],
  stack: () => Promise<Stack>,
): Promise<{ readonly url: string; readonly pipeline: string }> {
  const pipeline = flags.pipeline ?? setting(env, "UNCOUPLE_PIPELINE");
  const url = flags.nats ?? setting(env, "NATS_URL");
  if (url !== undefined && pipeline !== undefined) return { url, pipeline };
  if (flags.nats !== undefined) {
    throw new UncoupleError("invalid-argument", "--nats needs the name of the pipeline: --pipeline NAME");
  }
  const { natsUrl, pipeline: stacked } = await stack();
  if (pipeline === undefined || pipeline === stacked) return { url: natsUrl, pipeline: stacked };
  throw new UncoupleError(
    "invalid-argument",
    `the stack is of pipeline ${stacked}, not ${pipeline}: name its server with --nats`,
  );
}

function checkComponent(component: string | undefined, { pipeline, components }: Stack): void {
  if (component === undefined || components.includes(component)) return;
  throw new UncoupleError(
    "not-found",
    `pipeline ${pipeline} has no component "${component}"; it has: ${components.join(", ")}${didYouMean(component, components)}`,
  );
}

async function livingStack(dir: string, what: string, flag: string): Promise<Stack> {
  const stack = await readStack(dir);
  const hint = `start one with \`uncouple up PIPELINE TEAM...\`, or name the ${what} with ${flag}`;
  if (stack === undefined)
    throw new UncoupleError("failed-precondition", `there is no stack in ${stackFile(dir)}: ${hint}`);
  if (isAlive(process, stack.pid)) return stack;
  throw new UncoupleError(
    "failed-precondition",
    `the stack of ${stackFile(dir)} is gone (its process ${stack.pid} does not run): ${hint}`,
  );
}
