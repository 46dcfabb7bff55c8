import { ChannelCredentials, ServerCredentials } from "@grpc/grpc-js";

/** PEM texts. With `clientCa`, clients must present a certificate signed by it. */
export interface ServerTls {
  readonly certificate: Buffer;
  readonly key: Buffer;
  readonly clientCa?: Buffer | undefined;
}

/** PEM texts. `certificate` and `key` are the client's own, for servers that require them. */
export interface ClientTls {
  readonly ca: Buffer;
  readonly certificate?: Buffer | undefined;
  readonly key?: Buffer | undefined;
}

/** Creates server credentials: TLS, or mutual TLS with `clientCa`. */
export function serverCredentials({ certificate, key, clientCa }: ServerTls): ServerCredentials {
  const pair = { cert_chain: certificate, private_key: key };
  return ServerCredentials.createSsl(clientCa ?? null, [pair], clientCa !== undefined);
}

/** Creates client credentials that trust only `ca`, not the system's authorities. */
export function clientCredentials({ ca, certificate, key }: ClientTls): ChannelCredentials {
  return ChannelCredentials.createSsl(ca, key ?? null, certificate ?? null);
}
