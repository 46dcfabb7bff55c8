import { readFileSync } from "node:fs";
import { asUncoupleError, type ErrorCode } from "../../common/errors.ts";
import { inspectPipeline } from "../../registry/jetstream/inspect-pipeline.ts";
import { checkNatsAuth } from "../../registry/jetstream/nats-auth.ts";
import { packageInfo } from "../../runtime/package-info.ts";
import { type ConnectionFlags, clientOptions, trainerAddresses } from "../connect/connections.ts";
import { type CliContext, setting } from "../context/context.ts";
import { parseNatsAddress } from "../flags/nats-address.ts";
import { type NatsAccess, natsAccess } from "../flags/nats-flags.ts";
import { type Durability, durabilityOfRunning } from "../stack/durability.ts";
import { checkCertificateFile, checkGrpcCertificate, checkNatsCertificate, type TlsClient } from "./certificates.ts";
import { type Check, checksOf, SECTIONS } from "./check.ts";
import { checkData, type DataCheckFlags } from "./check-data.ts";
import { checkRights, type RoleRights, rightsOf } from "./check-rights.ts";
import { checkServers } from "./check-servers.ts";
import { checkEvaluator, checkTrainer } from "./check-services.ts";
import { checkClock, checkReplicas, checkStreams } from "./check-streams.ts";
import { rolesOf } from "./roles.ts";
import { checkStore, measureStores, type StoreReport } from "./stores.ts";

export type ExamineFlags = Omit<ConnectionFlags, "dir"> &
  DataCheckFlags & {
    readonly natsMonitor?: string;
  };

/** What was found on a running server, and of running services. */
export interface Examination {
  readonly durability: readonly Durability[];
  readonly stores: readonly StoreReport[];
  readonly rights: readonly RoleRights[];
  /** By section. */
  readonly checks: readonly Check[];
}

/** Time for an answer of a service, in seconds. */
const SERVICE_TIMEOUT_S = 5;
const connection = checksOf("connection");

/**
 * Checks the NATS server, the services and the data that flags or environment variables name; nothing without one. Changes nothing.
 * @throws UncoupleError `invalid-argument` for wrong flags or files
 */
export async function examine(flags: ExamineFlags, context: CliContext): Promise<Examination> {
  const { env, clock } = context;
  const url = flags.nats ?? setting(env, "NATS_URL");
  const monitor = flags.natsMonitor ?? setting(env, "NATS_MONITOR_URL");
  const [ofNats, stores, services, data] = await Promise.all([
    url === undefined ? undefined : examineNats(natsAccess(context, flags, url), flags, context),
    measureStores(flags, context),
    examineServices(flags, context),
    checkData(flags, context),
  ]);
  const servers = url === undefined ? [] : parseNatsAddress(url).url.split(",");
  const durability = await Promise.all(servers.map((one) => durabilityOfRunning(one, monitor, clock)));
  const checks = [
    ...(ofNats?.checks ?? []),
    ...stores.map(checkStore),
    ...checkServers(durability),
    ...services,
    ...data,
  ];
  const place = ({ section }: Check) => SECTIONS.indexOf(section);
  return {
    durability,
    stores,
    rights: ofNats?.rights ?? [],
    checks: [...checks].sort((a, b) => place(a) - place(b)),
  };
}

async function examineNats(access: NatsAccess, flags: ExamineFlags, context: CliContext) {
  const { clock, env } = context;
  checkNatsAuth(access);
  const pipeline = flags.pipeline ?? setting(env, "UNCOUPLE_PIPELINE");
  const certificates = await natsCertificates(access, context);
  if (pipeline === undefined) {
    const skipped = connection.unknown(
      access.url,
      "rights, streams, replicas and clocks were not checked",
      "name a pipeline with --pipeline NAME",
    );
    return { checks: [skipped, ...certificates], rights: [] };
  }
  const named = flags.as ?? [];
  try {
    const options = { ...access, pipeline, clock, name: "uncouple-doctor", log: () => {} };
    const report = await inspectPipeline(options, (file) => rolesOf(file, named));
    const checks = [
      connection.ok(access.url, "connected"),
      ...checkRights(report, named),
      ...checkStreams(report),
      ...checkReplicas(report),
      checkClock(report),
      ...certificates,
    ];
    return { checks, rights: rightsOf(report) };
  } catch (thrown) {
    const { code, message } = asUncoupleError(thrown);
    if (code === "invalid-argument" || code === "internal") throw thrown;
    return { checks: [connection.failure(access.url, message, ADVICE[code] ?? null), ...certificates], rights: [] };
  }
}

const ADVICE: Readonly<Partial<Record<ErrorCode, string>>> = {
  unavailable: "start the server, or correct --nats; a firewall or NetworkPolicy may be in between",
  "deadline-exceeded": "look at the server's log: does JetStream have a leader and a disk that answers?",
  unauthenticated: "use the key that `uncouple scaffold nats` wrote, and the CA that signed the server's certificate",
  "not-found": "correct --pipeline, or run `uncouple pipeline apply FILE` with the operator's key",
  "failed-precondition": "use a key that may read the pipeline's streams (docs/security.md)",
};

async function natsCertificates({ url, files }: NatsAccess, { clock }: CliContext): Promise<readonly Check[]> {
  const read = (path: string | undefined) => (path === undefined ? undefined : readFileSync(path));
  const [ca, cert, key] = [read(files.ca), read(files.cert), read(files.key)];
  const client: TlsClient = { ...(ca && { ca }), ...(cert && key && { cert, key }) };
  const servers = await Promise.all(url.split(",").map((one) => checkNatsCertificate(one, client, clock)));
  return [
    ...servers.filter((check) => check !== undefined),
    ...(ca === undefined ? [] : [checkCertificateFile(`--nats-ca ${files.ca}`, ca, clock)]),
    ...(cert === undefined ? [] : [checkCertificateFile(`--nats-cert ${files.cert}`, cert, clock)]),
  ];
}

async function examineServices(flags: ExamineFlags, context: CliContext): Promise<readonly Check[]> {
  const { clock, env } = context;
  const trainers = trainerAddresses(flags, env) ?? [];
  const evaluator = flags.evaluator ?? setting(env, "UNCOUPLE_EVALUATOR");
  const evaluators = evaluator === undefined ? [] : [evaluator];
  const options = { ...(await clientOptions(context, flags)), deadlineSeconds: SERVICE_TIMEOUT_S };
  const { version } = packageInfo();
  const statuses = await Promise.all([
    ...trainers.map((address) => checkTrainer(address, options, version)),
    ...evaluators.map((address) => checkEvaluator(address, options, version)),
  ]);
  const { tls } = options;
  if (tls === undefined) return statuses.flat();
  const client: TlsClient = {
    ca: tls.ca,
    ...(tls.certificate && tls.key && { cert: tls.certificate, key: tls.key }),
  };
  const shown = [
    ...trainers.map((address) => checkGrpcCertificate(`trainer at ${address}`, address, client, clock)),
    ...evaluators.map((address) => checkGrpcCertificate(`evaluator at ${address}`, address, client, clock)),
  ];
  return [
    ...statuses.flat(),
    ...(await Promise.all(shown)),
    checkCertificateFile(`--tls-ca ${flags.tlsCa}`, tls.ca, clock),
    ...(tls.certificate === undefined
      ? []
      : [checkCertificateFile(`--tls-cert ${flags.tlsCert}`, tls.certificate, clock)]),
  ];
}
