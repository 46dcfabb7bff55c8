import { UncoupleError } from "../../common/errors.ts";
import { isJetStreamError, JetStreamCode } from "./errors.ts";
import { answerOf, type NatsConnection } from "./nats-connection.ts";

const API = "$JS.API.";
/**
 * Prefix of the JetStream API of the account that owns the streams, in accounts that import parts of it. The server itself
 * answers `$JS.API` in every account.
 */
export const HUB_API = "$JS.hub.API.";

/**
 * Returns the connection to use: itself if its account has JetStream, otherwise one that calls the API of the hub account
 * (docs/security.md).
 * @throws UncoupleError as NatsConnection.request
 */
export async function throughHub(connection: NatsConnection): Promise<NatsConnection> {
  try {
    answerOf(await connection.request(`${API}INFO`), "INFO", connection.server);
  } catch (error) {
    if (isJetStreamError(error, JetStreamCode.notEnabledForAccount)) return hubConnection(connection);
    // Without permission to ask, the account is not one that `uncouple scaffold nats` made.
    if (!(error instanceof UncoupleError) || error.code !== "failed-precondition") throw error;
  }
  return connection;
}

function hubConnection(connection: NatsConnection): NatsConnection {
  const { server } = connection;
  const hub = (subject: string) => (subject.startsWith(API) ? HUB_API + subject.slice(API.length) : subject);
  return {
    ...connection,
    restricted: true,
    request: (subject, payload, options) => connection.request(hub(subject), payload, options),
    requestNow: (subject, payload, options) => connection.requestNow(hub(subject), payload, options),
    ask: (subject, payload) => connection.ask(hub(subject), payload),
    async api(verb, body) {
      const message = await connection.ask(HUB_API + verb, body === undefined ? "" : JSON.stringify(body));
      return answerOf(message, verb, server);
    },
    await: (subject, payload, timeoutMs, signal) => connection.await(hub(subject), payload, timeoutMs, signal),
    collect: (subject, payload, heard, broke) => connection.collect(hub(subject), payload, heard, broke),
    send: (subject, payload) => connection.send(hub(subject), payload),
  };
}
