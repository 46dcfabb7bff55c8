import { ChannelCredentials, ServerCredentials } from "@grpc/grpc-js";

/** PEM texts. With `clientCa`, clients must show a certificate that it signed. */
export interface ServerTls {
  readonly certificate: Buffer;
  readonly key: Buffer;
  readonly clientCa?: Buffer | undefined;
}

/** PEM texts. `certificate` and `key` are the client's own, where the server asks for them. */
export interface ClientTls {
  readonly ca: Buffer;
  readonly certificate?: Buffer | undefined;
  readonly key?: Buffer | undefined;
}

/** TLS; mutual TLS where `clientCa` is given. */
export function serverCredentials({ certificate, key, clientCa }: ServerTls): ServerCredentials {
  const pair = { cert_chain: certificate, private_key: key };
  return ServerCredentials.createSsl(clientCa ?? null, [pair], clientCa !== undefined);
}

/** TLS against `ca` alone; the system's own authorities do not count. */
export function clientCredentials({ ca, certificate, key }: ClientTls): ChannelCredentials {
  return ChannelCredentials.createSsl(ca, key ?? null, certificate ?? null);
}
