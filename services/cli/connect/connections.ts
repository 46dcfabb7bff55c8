import { resolve } from "node:path";
import type { Command } from "commander";
import { UncoupleError } from "../../common/errors.ts";
import { isAlive } from "../../common/files/folder-lock.ts";
import { didYouMean } from "../../common/suggest.ts";
import { originName } from "../../pipeline/shared.ts";
import type { Backplane } from "../../registry/backplane.ts";
import type { JetStreamBackplane } from "../../registry/jetstream/backplane.ts";
import type { ConnectOptions } from "../../rpc/client/client.ts";
import type { RemoteCoordinator } from "../../rpc/client/coordinator-client.ts";
import type { RemoteEvaluator } from "../../rpc/client/evaluator-client.ts";
import type { RemoteTrainer } from "../../rpc/client/trainer-client.ts";
import type { RemoteTuning } from "../../rpc/client/tuning-client.ts";
import { type CliContext, setting } from "../context/context.ts";
import { interruptible } from "../context/interruptible.ts";
import { type NatsAccess, type NatsFlags, natsAccess, withNatsFlags } from "../flags/nats-flags.ts";
import { readPem } from "../flags/pem.ts";
import { readStack, type Stack, stackFile } from "./stack-file.ts";

/** A service that a command connects to. */
export type Peer =
  | "trainer"
  | "evaluator"
  | "registry"
  /** The registry of the pipeline that a file names. */
  | "store";

export interface ConnectionFlags extends NatsFlags {
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

/** Adds the flags that locate the peers. */
export function withPeers(command: Command, ...peers: readonly Peer[]): Command {
  command.option("--dir <folder>", "folder of the stack file that `uncouple up` writes (default: .uncouple)");
  if (peers.includes("trainer")) withTrainerFlag(command, "address of a trainer outside the stack, repeatable");
  if (peers.includes("evaluator")) withEvaluatorFlag(command, "address of an evaluator outside the stack");
  if (peers.includes("store")) command.option("--nats <url>", "a NATS server outside the stack (NATS_URL)");
  if (peers.includes("registry")) {
    command.option("--nats <url>", "a NATS server outside the stack (NATS_URL); requires --pipeline");
    command.option("--pipeline <name>", "the pipeline's name, with --nats (UNCOUPLE_PIPELINE)");
  }
  if (peers.includes("store") || peers.includes("registry")) withNatsFlags(command);
  if (peers.includes("trainer") || peers.includes("evaluator")) withTlsFlags(command);
  return command;
}

export function withTrainerFlag(command: Command, description: string): Command {
  const collect = (text: string, previous: readonly string[] = []) => [...previous, ...text.split(",")];
  return command.option("--trainer <host:port>", `${description} (UNCOUPLE_TRAINER)`, collect);
}

export function withEvaluatorFlag(command: Command, description: string): Command {
  return command.option("--evaluator <host:port>", `${description} (UNCOUPLE_EVALUATOR)`);
}

/** The addresses of trainers that the flag or its environment variable name; undefined if neither does. */
export function trainerAddresses(flags: Pick<ConnectionFlags, "trainer">, env: CliContext["env"]) {
  const named = flags.trainer ?? setting(env, "UNCOUPLE_TRAINER")?.split(",");
  const addresses = named?.map((part) => part.trim()).filter((part) => part !== "");
  return addresses === undefined || addresses.length === 0 ? undefined : addresses;
}

/** Adds the flags of a client over TLS. */
export function withTlsFlags(command: Command): Command {
  return command
    .option("--tls-ca <file>", "connect over TLS and trust this CA (PEM, UNCOUPLE_TLS_CA)")
    .option("--tls-cert <file>", "client certificate, with --tls-ca (PEM, UNCOUPLE_TLS_CERT)")
    .option("--tls-key <file>", "private key of the client certificate (PEM, UNCOUPLE_TLS_KEY)");
}

/** Connections to the services, which flags, environment variables or the stack file locate, in this order. */
export interface Connections {
  /**
   * The trainer of a component.
   * @throws UncoupleError `not-found`, listing the available ones; `failed-precondition` if another pipeline trains it
   */
  trainer(component: string): Promise<RemoteTrainer>;
  /** All known trainers by component. */
  trainers(): Promise<ReadonlyMap<string, RemoteTrainer>>;
  /** The coordinators of all known trainers by component. */
  coordinators(): Promise<ReadonlyMap<string, RemoteCoordinator>>;
  /** The studies of a component. @throws UncoupleError as `trainer` */
  tuning(component: string): Promise<RemoteTuning>;
  /**
   * @param component must belong to the pipeline; checked only against a stack file
   * @throws UncoupleError `not-found`, listing the components of the pipeline
   */
  evaluator(component?: string): Promise<RemoteEvaluator>;
  /**
   * Like `evaluator`.
   * @param options create: whether to create missing streams; defaults to false, which changes nothing on the server
   * @throws UncoupleError also `not-found` for an unknown pipeline, listing those on the server
   */
  backplane(component?: string, options?: { readonly create: boolean }): Promise<Backplane>;
  /** Where the registry is and how to authenticate there, without connecting. */
  access(): Promise<NatsAccess & { readonly pipeline: string }>;
  /** As `backplane`, with the name of its pipeline; changes nothing on the server. */
  place(component?: string): Promise<{ readonly backplane: JetStreamBackplane; readonly pipeline: string }>;
}

/** Time that a command has after Ctrl-C to print its last message. */
const GRACE_MS = 1_000;

/** Runs `work` with connections and closes them when it ends, or soon after Ctrl-C. */
export async function withConnections<T>(
  context: CliContext,
  flags: ConnectionFlags,
  work: (connections: Connections) => Promise<T>,
): Promise<T> {
  const closers: (() => Promise<void> | void)[] = [];
  try {
    return await interruptible(context, work(createConnections(context, flags, closers)), GRACE_MS);
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
    stack ??= runningStack(dir, what, flag);
    return stack;
  };

  async function connect(address: string, component?: string): Promise<RemoteTrainer> {
    const { connectTrainer } = await import("../../rpc/client/trainer-client.ts");
    const trainer = connectTrainer(address, await clientOptions(context, flags), component);
    closers.push(() => trainer.close());
    return trainer;
  }

  /** Trainers named by flag or environment variable; each reports its components. */
  async function namedTrainers(): Promise<ReadonlyMap<string, RemoteTrainer> | undefined> {
    const named = await namedAddresses();
    return named === undefined
      ? undefined
      : new Map([...named].map(([component, { trainer }]) => [component, trainer] as const));
  }

  async function namedAddresses() {
    const addresses = trainerAddresses(flags, env);
    if (addresses === undefined) return undefined;
    const named = new Map<string, { readonly address: string; readonly trainer: RemoteTrainer }>();
    for (const address of addresses) {
      for (const component of await (await connect(address)).components()) {
        named.set(component, { address, trainer: await connect(address, component) });
      }
    }
    return named;
  }

  /** The address of each known trainer, by component. */
  async function trainersByAddress(): Promise<readonly (readonly [string, string])[]> {
    const named = await namedAddresses();
    if (named !== undefined) return [...named].map(([component, { address }]) => [component, address] as const);
    return Object.entries((await stackOr("trainer", "--trainer HOST:PORT")).trainers);
  }

  async function access(component?: string) {
    const { url, pipeline } = await registryPlace(flags, env, async () => {
      const stacked = await stackOr("registry", "--nats URL --pipeline NAME");
      checkComponent(component, stacked);
      return stacked;
    });
    return { ...natsAccess(context, flags, url), pipeline };
  }

  async function open(component: string | undefined, create: boolean) {
    const { connectJetStream } = await import("../../registry/jetstream/backplane.ts");
    const found = await access(component);
    const backplane = await connectJetStream({
      ...found,
      clock: context.clock,
      name: "uncouple-cli",
      create,
    });
    closers.push(() => backplane.close());
    return { backplane, pipeline: found.pipeline };
  }

  /** @throws UncoupleError `failed-precondition` if another pipeline trains the component of the stack's pipeline */
  async function refuseShared(component: string): Promise<void> {
    const { pipelineFile } = await stackOr("trainer", "--trainer HOST:PORT");
    const { readPipelineFile } = await import("../../data/read-pipeline.ts");
    const parsed = await readPipelineFile(pipelineFile);
    const from = "pipeline" in parsed && parsed.pipeline.components.find(({ name }) => name === component)?.from;
    if (!from) return;
    throw new UncoupleError(
      "failed-precondition",
      `${component} is ${originName(from)}: pipeline ${from.pipeline} trains it; run \`uncouple train ${from.component}\` there`,
    );
  }

  return {
    async trainer(component) {
      const named = await namedTrainers();
      const addresses = named === undefined ? (await stackOr("trainer", "--trainer HOST:PORT")).trainers : undefined;
      const address = addresses !== undefined && Object.hasOwn(addresses, component) ? addresses[component] : undefined;
      const trainer = address === undefined ? named?.get(component) : await connect(address, component);
      if (trainer !== undefined) return trainer;
      if (named === undefined) await refuseShared(component);
      throw noTrainer(component, [...(named?.keys() ?? Object.keys(addresses ?? {}))]);
    },
    async trainers() {
      const named = await namedTrainers();
      if (named !== undefined) return named;
      const { trainers } = await stackOr("trainer", "--trainer HOST:PORT");
      const all = new Map<string, RemoteTrainer>();
      for (const [component, address] of Object.entries(trainers))
        all.set(component, await connect(address, component));
      return all;
    },
    async tuning(component) {
      const addresses = new Map(await trainersByAddress());
      const address = addresses.get(component);
      if (address === undefined) throw noTrainer(component, [...addresses.keys()]);
      const { connectTuning } = await import("../../rpc/client/tuning-client.ts");
      const tuning = connectTuning(address, await clientOptions(context, flags), component);
      closers.push(() => tuning.close());
      return tuning;
    },
    async coordinators() {
      const addresses = await trainersByAddress();
      const { connectCoordinator } = await import("../../rpc/client/coordinator-client.ts");
      const options = await clientOptions(context, flags);
      const all = new Map<string, RemoteCoordinator>();
      for (const [component, address] of addresses) {
        const coordinator = connectCoordinator(address, options, component);
        closers.push(() => coordinator.close());
        all.set(component, coordinator);
      }
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
    backplane: async (component, { create } = { create: false }) => (await open(component, create)).backplane,
    access: () => access(),
    place: (component) => open(component, false),
  };
}

function noTrainer(component: string, known: readonly string[]): UncoupleError {
  return new UncoupleError(
    "not-found",
    `no trainer found for component "${component}"; available: ${known.join(", ") || "none"}${didYouMean(component, known)}`,
  );
}

/**
 * Reads the files that flags or environment variables name.
 * @throws UncoupleError `invalid-argument` for an incomplete combination of them, or an unreadable file
 */
export async function clientOptions(
  context: CliContext,
  flags: Pick<ConnectionFlags, "tlsCa" | "tlsCert" | "tlsKey">,
): Promise<ConnectOptions> {
  const { env } = context;
  const tlsCa = flags.tlsCa ?? setting(env, "UNCOUPLE_TLS_CA");
  const tlsCert = flags.tlsCert ?? setting(env, "UNCOUPLE_TLS_CERT");
  const tlsKey = flags.tlsKey ?? setting(env, "UNCOUPLE_TLS_KEY");
  if ((tlsCert === undefined) !== (tlsKey === undefined) || (tlsCert !== undefined && tlsCa === undefined)) {
    throw new UncoupleError(
      "invalid-argument",
      "TLS requires --tls-ca; --tls-cert and --tls-key must be given together",
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
    throw new UncoupleError("invalid-argument", "--nats requires the name of the pipeline; add --pipeline NAME");
  }
  const { natsUrl, pipeline: stacked } = await stack();
  if (pipeline === undefined || pipeline === stacked) return { url: natsUrl, pipeline: stacked };
  throw new UncoupleError(
    "invalid-argument",
    `the stack runs pipeline ${stacked}, not ${pipeline}; use --nats to connect to another server`,
  );
}

function checkComponent(component: string | undefined, { pipeline, components }: Stack): void {
  if (component === undefined || components.includes(component)) return;
  throw new UncoupleError(
    "not-found",
    `pipeline ${pipeline} has no component "${component}"; available: ${components.join(", ")}${didYouMean(component, components)}`,
  );
}

async function runningStack(dir: string, what: string, flag: string): Promise<Stack> {
  const stack = await readStack(dir);
  const hint = `start one with \`uncouple up PIPELINE TEAM...\`, or specify the ${what} with ${flag}`;
  if (stack === undefined)
    throw new UncoupleError("failed-precondition", `no stack found at ${stackFile(dir)}; ${hint}`);
  if (isAlive(process, stack.pid)) return stack;
  throw new UncoupleError(
    "failed-precondition",
    `the stack of ${stackFile(dir)} is not running (process ${stack.pid} is gone); ${hint}`,
  );
}
