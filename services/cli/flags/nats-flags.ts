import { resolve } from "node:path";
import type { Command } from "commander";
import type { NatsFiles } from "../../registry/jetstream/nats-auth.ts";
import { type CliContext, setting } from "../context/context.ts";
import { type NatsAddress, parseNatsAddress } from "./nats-address.ts";

/** The files that a command authenticates with at NATS. */
export interface NatsFlags {
  readonly natsCreds?: string;
  readonly natsNkey?: string;
  readonly natsCa?: string;
  readonly natsCert?: string;
  readonly natsKey?: string;
}

/** An address and how to authenticate there. */
export interface NatsAccess extends NatsAddress {
  readonly files: NatsFiles;
}

/** Adds the flags of the files. */
export function withNatsFlags(command: Command): Command {
  return command
    .option("--nats-creds <file>", "NATS credentials: a user's JWT and seed, as nsc writes them (NATS_CREDS)")
    .option("--nats-nkey <file>", "NATS credentials: the seed of a user's nkey (NATS_NKEY)")
    .option("--nats-ca <file>", "connect to NATS over TLS and trust this CA (PEM, NATS_CA)")
    .option("--nats-cert <file>", "client certificate for NATS (PEM, NATS_CERT)")
    .option("--nats-key <file>", "private key of the client certificate (PEM, NATS_KEY)");
}

/**
 * The files that flags or environment variables name, as absolute paths; a flag goes before a variable, also before one of the
 * other kind of credentials.
 */
export function natsFiles({ env, cwd }: Pick<CliContext, "env" | "cwd">, flags: NatsFlags): NatsFiles {
  const isGiven = (flags.natsCreds ?? flags.natsNkey) !== undefined;
  const named = {
    creds: flags.natsCreds ?? (isGiven ? undefined : setting(env, "NATS_CREDS")),
    nkey: flags.natsNkey ?? (isGiven ? undefined : setting(env, "NATS_NKEY")),
    ca: flags.natsCa ?? setting(env, "NATS_CA"),
    cert: flags.natsCert ?? setting(env, "NATS_CERT"),
    key: flags.natsKey ?? setting(env, "NATS_KEY"),
  };
  return Object.fromEntries(
    Object.entries(named).flatMap(([name, file]) => (file === undefined ? [] : [[name, resolve(cwd, file)]])),
  );
}

/** @throws UncoupleError `invalid-argument` as `parseNatsAddress` */
export function natsAccess(context: Pick<CliContext, "env" | "cwd">, flags: NatsFlags, url: string): NatsAccess {
  return { ...parseNatsAddress(url), files: natsFiles(context, flags) };
}

/** The environment variables by which a child process finds the same files, and no others. */
export function natsEnvironment({
  creds,
  nkey,
  ca,
  cert,
  key,
}: NatsFiles): Readonly<Record<string, string | undefined>> {
  return { NATS_CREDS: creds, NATS_NKEY: nkey, NATS_CA: ca, NATS_CERT: cert, NATS_KEY: key };
}
