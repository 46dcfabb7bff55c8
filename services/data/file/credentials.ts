import { UncoupleError } from "../../common/errors.ts";
import type { DataAccess } from "../source/data-access.ts";
import { loadExtension, type RunSql } from "./extensions.ts";
import { literal } from "./sql.ts";

type Env = DataAccess["env"];

/** Variables with which the AWS tools find credentials elsewhere, which only DuckDB's extension `aws` can read. */
const CHAIN = [
  "AWS_PROFILE",
  "AWS_SHARED_CREDENTIALS_FILE",
  "AWS_CONFIG_FILE",
  "AWS_ROLE_ARN",
  "AWS_WEB_IDENTITY_TOKEN_FILE",
  "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
  "AWS_CONTAINER_CREDENTIALS_FULL_URI",
];

/** The credentials in the environment, which no message may show. */
export function storeSecrets(env: Env): readonly string[] {
  const names = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", ...HMAC];
  return names.flatMap((name) => env[name] || []);
}

/** The names that GDAL has given to the HMAC keys of Google Cloud Storage. */
const HMAC = ["GS_ACCESS_KEY_ID", "GS_SECRET_ACCESS_KEY"] as const;

/**
 * Gives DuckDB the credentials of a store, as a secret in its memory. Without any, requests are anonymous.
 * @throws UncoupleError `failed-precondition` for half of a pair of keys, or without the extension `aws` that is needed
 */
export async function createStoreSecret(run: RunSql, store: "s3" | "gs", env: Env): Promise<void> {
  if (store === "gs") {
    const [KEY_ID, SECRET] = pairOf(env, ...HMAC) ?? [];
    const endpoint = endpointOf(env, ["GS_ENDPOINT_URL"]);
    if (KEY_ID === undefined && endpoint.ENDPOINT === undefined) return;
    await createSecret(run, { TYPE: "gcs", KEY_ID, SECRET, REGION: defaultRegion(endpoint), ...endpoint });
    return;
  }
  const place = {
    REGION: env.AWS_REGION || env.AWS_DEFAULT_REGION || undefined,
    ...endpointOf(env, ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"]),
  };
  const keys = pairOf(env, "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY");
  if (keys !== undefined) {
    const [KEY_ID, SECRET] = keys;
    await createSecret(run, {
      TYPE: "s3",
      KEY_ID,
      SECRET,
      SESSION_TOKEN: env.AWS_SESSION_TOKEN || undefined,
      ...place,
      REGION: place.REGION ?? defaultRegion(place),
    });
    return;
  }
  const named = CHAIN.find((name) => env[name]);
  const what = named === undefined ? "s3://" : `${named} is set, which`;
  try {
    await loadExtension(run, "aws", what, env);
  } catch (error) {
    if (named !== undefined) throw error;
    await createSecret(run, { TYPE: "s3", ...place });
    return;
  }
  const chain = { TYPE: "s3", PROVIDER: "credential_chain", REFRESH: "auto" };
  try {
    await createSecret(run, { ...chain, ...place });
  } catch (error) {
    if (named !== undefined) {
      const message = `${named} is set, but DuckDB's extension aws finds no credentials by it`;
      throw new UncoupleError("unauthenticated", message, { cause: error });
    }
    await createSecret(run, { TYPE: "s3", ...place });
  }
}

/** @throws UncoupleError `failed-precondition` for one without the other */
function pairOf(env: Env, first: string, second: string): readonly [string, string] | undefined {
  const [id, secret] = [env[first] || undefined, env[second] || undefined];
  if (id !== undefined && secret !== undefined) return [id, secret];
  if (id === undefined && secret === undefined) return undefined;
  const [set, unset] = id === undefined ? [second, first] : [first, second];
  throw new UncoupleError("failed-precondition", `${set} is set, but ${unset} is not`);
}

/** Stores elsewhere have this region unless they say otherwise; those of Amazon and Google tell where a bucket is. */
function defaultRegion({ ENDPOINT }: Endpoint): string | undefined {
  return ENDPOINT === undefined ? undefined : "us-east-1";
}

interface Endpoint {
  readonly ENDPOINT?: string;
  readonly USE_SSL?: string;
  readonly URL_STYLE?: string;
}

/** Where the store is, if not at Amazon or Google: the first variable that is set, as the AWS tools read theirs. */
function endpointOf(env: Env, names: readonly string[]): Endpoint {
  const name = names.find((each) => env[each]);
  const text = name === undefined ? undefined : env[name];
  if (text === undefined) return {};
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.username !== "" || url.password !== "") {
    const message = `${name} must be a URL like https://store:9000, without credentials`;
    throw new UncoupleError("failed-precondition", message);
  }
  return {
    ENDPOINT: `${url.host}${url.pathname.replace(/\/$/, "")}`,
    USE_SSL: url.protocol === "https:" ? "true" : "false",
    URL_STYLE: "path",
  };
}

/** @param fields by name; those that are undefined are left out */
export async function createSecret(
  run: RunSql,
  { TYPE, ...fields }: Readonly<Record<string, string | undefined>>,
  name = "store",
): Promise<void> {
  const given = Object.entries(fields).flatMap(([key, value]) =>
    value === undefined ? [] : [`, ${key} ${literal(value)}`],
  );
  await run(`CREATE SECRET ${name} (TYPE ${TYPE}${given.join("")})`);
}
