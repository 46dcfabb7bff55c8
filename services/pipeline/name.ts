/**
 * Names of pipelines, components, aliases, leases and worker groups. They become parts of NATS subjects, metrics, file
 * names and Kubernetes names, which have at most 63 characters (RFC 1123).
 */
export const NAME = /^[a-z][a-z0-9-]{0,62}$/;

/** Names are object keys in files and programs, and every JavaScript object has the key `constructor`. */
export const NOT_RESERVED = /^(?!constructor$)/;
