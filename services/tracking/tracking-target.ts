import { UncoupleError } from "../common/errors.ts";

/** An MLflow tracking server, and what to authenticate with. */
export interface TrackingTarget {
  /** http:// or https://, without a trailing slash. */
  readonly url: string;
  /** The header `Authorization`; undefined without credentials. Never logged. */
  readonly authorization: string | undefined;
}

const EXAMPLE = "for example mlflow=http://127.0.0.1:5000";

/**
 * Parses `mlflow=URL`. Credentials come from the variables that MLflow's own clients read: MLFLOW_TRACKING_TOKEN, or else
 * MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD.
 * @throws UncoupleError `invalid-argument`; the message has nothing that could be a password
 */
export function parseTrackingTarget(text: string, env: Readonly<Record<string, string | undefined>>): TrackingTarget {
  const [, kind, address = ""] = /^([^=]*)=(.*)$/s.exec(text) ?? [];
  if (kind === undefined) throw refuse(`tracking must be mlflow=URL, ${EXAMPLE}`);
  if (kind !== "mlflow") {
    throw refuse(`cannot track with ${JSON.stringify(kind.slice(0, 40))}; use mlflow=URL, ${EXAMPLE}`);
  }
  if (!URL.canParse(address)) throw refuse(`tracking needs the URL of an MLflow server, ${EXAMPLE}`);
  const url = new URL(address);
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    throw refuse(`an MLflow server has an http:// or https:// URL, not ${url.protocol}//, ${EXAMPLE}`);
  }
  if (url.username !== "" || url.password !== "") {
    throw refuse(
      "the URL of the MLflow server must not contain credentials; set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD",
    );
  }
  if (url.search !== "" || url.hash !== "") throw refuse("the URL of the MLflow server must not have a query or a #");
  return { url: `${url.origin}${url.pathname.replace(/\/+$/, "")}`, authorization: authorizationOf(env) };
}

function authorizationOf(env: Readonly<Record<string, string | undefined>>): string | undefined {
  const { MLFLOW_TRACKING_TOKEN: token, MLFLOW_TRACKING_USERNAME: user, MLFLOW_TRACKING_PASSWORD: password } = env;
  const isSet = (value: string | undefined) => value !== undefined && value !== "";
  if (isSet(token)) {
    // A header cannot have a line break, and the error of `fetch` would quote it.
    if (!/^[\x21-\x7e]+$/.test(token as string)) throw refuse("MLFLOW_TRACKING_TOKEN has characters that no token has");
    return `Bearer ${token}`;
  }
  if (!isSet(user) && !isSet(password)) return undefined;
  if (!isSet(user) || !isSet(password)) {
    throw refuse("set both MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD");
  }
  return `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
}

function refuse(message: string): UncoupleError {
  return new UncoupleError("invalid-argument", message);
}
