import type { WrongCommand } from "./wrong-command.ts";

/** Of `uncouple worker`. */
export const wrongWorkers: readonly WrongCommand[] = [
  ...(
    [
      [
        "an unknown engine",
        "--engine reference",
        "option '--engine <name>' argument 'reference' is invalid. Allowed choices are wasm, onnx:cpu, onnx:webgpu, onnx:cuda",
      ],
      ["no threads", "--threads 0", "option '--threads <count>' argument '0' is invalid. Expected a positive integer"],
      [
        "half a thread",
        "--threads 1.5",
        "option '--threads <count>' argument '1.5' is invalid. Expected a positive integer",
      ],
      [
        "a memory limit in megabytes",
        "--memory-limit 768MB",
        "option '--memory-limit <size>' argument '768MB' is invalid. Expected a size such as 768MiB or 2GiB, at least 512MiB",
      ],
      [
        "an invalid component",
        "--component M1",
        "option '--component <name>' argument 'M1' is invalid. A name is a lower-case letter and then up to 62 lower-case letters, digits or hyphens",
      ],
      [
        "a pipeline file instead of its name",
        "--pipeline pipeline.yaml",
        "option '--pipeline <name>' argument 'pipeline.yaml' is invalid. A name is a lower-case letter and then up to 62 lower-case letters, digits or hyphens",
      ],
      [
        "a name that is too long",
        `--name ${"x".repeat(256)}`,
        `option '--name <name>' argument '${"x".repeat(256)}' is invalid. Expected 1 to 255 characters`,
      ],
      [
        "a port out of range",
        "--metrics-port 70000",
        "option '--metrics-port <port>' argument '70000' is invalid. A port must be an integer between 0 (any free port) and 65535",
      ],
      [
        "an unknown log level",
        "--log-level loud",
        "option '--log-level <level>' argument 'loud' is invalid. Allowed choices are debug, info, warn, error",
      ],
    ] as const
  ).map(([what, flags, says]) => ({
    what: `a worker with ${what}`,
    run: `worker --trainer 127.0.0.1:1 ${flags}`,
    exit: 2,
    says: `uncouple worker: ${says}; see uncouple worker --help`,
  })),
  {
    what: "a worker with too little memory by its environment",
    run: "worker --trainer 127.0.0.1:1",
    env: { UNCOUPLE_MEMORY_LIMIT: "64MiB" },
    exit: 2,
    says: 'uncouple: UNCOUPLE_MEMORY_LIMIT is "64MiB". Expected a size such as 768MiB or 2GiB, at least 512MiB.',
  },
  {
    what: "a worker without a trainer",
    run: "worker",
    exit: 2,
    says: "uncouple worker: required option '--trainer <host:port>' not specified; see uncouple worker --help",
  },
  {
    what: "a worker with a trainer's address without a port",
    run: "worker --trainer trainer-m1",
    exit: 2,
    says: 'uncouple: address "trainer-m1" is not host:port',
  },
  {
    what: "a worker with a host that is not this machine's",
    run: "worker --trainer 127.0.0.1:1 --host 203.0.113.7 --metrics-port 0",
    exit: 5,
    says: "uncouple: cannot serve health and metrics on 203.0.113.7:0: listen EADDRNOTAVAIL: address not available 203.0.113.7",
  },
  {
    what: "a worker with a certificate without its key",
    run: "worker --trainer 127.0.0.1:1 --tls-ca m1.yaml --tls-cert m1.yaml",
    exit: 2,
    says: "uncouple: TLS requires --tls-ca; --tls-cert and --tls-key must be given together",
  },
  {
    what: "a worker with a key and no CA",
    run: "worker --trainer 127.0.0.1:1 --tls-cert m1.yaml --tls-key m1.yaml",
    exit: 2,
    says: "uncouple: TLS requires --tls-ca; --tls-cert and --tls-key must be given together",
  },
  {
    what: "a worker with a missing CA file",
    run: "worker --trainer 127.0.0.1:1 --tls-ca nowhere.pem",
    exit: 2,
    says: "uncouple: nowhere.pem cannot be read: no such file",
  },
];
