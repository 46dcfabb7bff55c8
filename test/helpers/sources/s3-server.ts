import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { freePort } from "../free-port.ts";
import { versitygw } from "./install.ts";
import { run, serverFolder, startServer } from "./server-process.ts";

export const S3_KEY = "AKIACANARY7F";
export const S3_SECRET = "canary-s3-3b8e91";

/** An S3 server with the buckets `ads` and `other`. */
export interface TestStore {
  readonly port: number;
  /** The environment of its user. @param port of a proxy before it */
  env(port?: number): StoreEnv;
  /** Writes an object. @param file its content @param key BUCKET/KEY */
  put(file: string, key: string): Promise<void>;
  remove(key: string): Promise<void>;
  /** Creates a user, who may do nothing. @returns its environment */
  user(key: string, secret: string): Promise<StoreEnv>;
  /** Sets the policy of a bucket, JSON. */
  policy(bucket: string, text: string): Promise<void>;
  stop(): Promise<void>;
}

export type StoreEnv = Readonly<
  Record<"AWS_ACCESS_KEY_ID" | "AWS_SECRET_ACCESS_KEY" | "AWS_REGION" | "AWS_ENDPOINT_URL", string>
>;

export async function startS3(): Promise<TestStore> {
  const folder = await serverFolder("s3", {});
  const port = await freePort();
  await mkdir(join(folder, "iam"));
  for (const bucket of ["ads", "other"]) await mkdir(join(folder, "root", bucket), { recursive: true });
  const curl = (args: readonly string[], path: string) =>
    run("curl", [
      ...[
        "--silent",
        "--show-error",
        "--fail",
        "--header",
        "x-amz-content-sha256: UNSIGNED-PAYLOAD",
        "--aws-sigv4",
        "aws:amz:us-east-1:s3",
        "--user",
        `${S3_KEY}:${S3_SECRET}`,
      ],
      ...args,
      `http://127.0.0.1:${port}/${path}`,
    ]);
  const server = await startServer(
    versitygw,
    ["--port", `127.0.0.1:${port}`, "--iam-dir", join(folder, "iam"), "posix", join(folder, "root")],
    { cwd: folder, env: { ...process.env, ROOT_ACCESS_KEY: S3_KEY, ROOT_SECRET_KEY: S3_SECRET } },
    () => curl([], ""),
  );
  return {
    port,
    env: (at = port) => envOf(S3_KEY, S3_SECRET, at),
    put: async (file, key) => {
      await curl(["--upload-file", file], key);
    },
    remove: async (key) => {
      await curl(["--request", "DELETE"], key);
    },
    async user(key, secret) {
      const admin = ["admin", "-a", S3_KEY, "-s", S3_SECRET, "-er", `http://127.0.0.1:${port}`];
      await run(versitygw, [...admin, "create-user", "-a", key, "-s", secret, "-r", "user"]);
      return envOf(key, secret, port);
    },
    async policy(bucket, text) {
      await curl(["--request", "PUT", "--data-binary", text], `${bucket}?policy=`);
    },
    stop: () => server.stop(),
  };
}

function envOf(key: string, secret: string, port: number): StoreEnv {
  return {
    AWS_ACCESS_KEY_ID: key,
    AWS_SECRET_ACCESS_KEY: secret,
    AWS_REGION: "us-east-1",
    AWS_ENDPOINT_URL: `http://127.0.0.1:${port}`,
  };
}
