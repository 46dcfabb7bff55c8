import { expect, test } from "vitest";
import { parseTrackingTarget } from "../../../services/tracking/tracking-target.ts";

test("an address with a path, and no credentials", () => {
  expect(parseTrackingTarget("mlflow=https://ml.example:8443/team/", {})).toEqual({
    url: "https://ml.example:8443/team",
    authorization: undefined,
  });
  expect(parseTrackingTarget("mlflow=http://127.0.0.1:5000", {}).url).toBe("http://127.0.0.1:5000");
});

test("credentials are those that MLflow's own clients read; a token wins", () => {
  const user = { MLFLOW_TRACKING_USERNAME: "ann", MLFLOW_TRACKING_PASSWORD: "päss:word" };
  const of = (env: Record<string, string>) => parseTrackingTarget("mlflow=http://h", env).authorization;
  expect(of(user)).toBe(`Basic ${Buffer.from("ann:päss:word").toString("base64")}`);
  expect(of({ ...user, MLFLOW_TRACKING_TOKEN: "abc.def" })).toBe("Bearer abc.def");
  expect(of({ ...user, MLFLOW_TRACKING_TOKEN: "" })).toMatch(/^Basic /);
});

test.each([
  ["foo", "tracking must be mlflow=URL, for example mlflow=http://127.0.0.1:5000"],
  ["", "tracking must be mlflow=URL, for example mlflow=http://127.0.0.1:5000"],
  ["http://127.0.0.1:5000", "tracking must be mlflow=URL, for example mlflow=http://127.0.0.1:5000"],
  ["wandb=http://h", 'cannot track with "wandb"; use mlflow=URL, for example mlflow=http://127.0.0.1:5000'],
  ["mlflow=", "tracking needs the URL of an MLflow server, for example mlflow=http://127.0.0.1:5000"],
  ["mlflow=127.0.0.1", "tracking needs the URL of an MLflow server, for example mlflow=http://127.0.0.1:5000"],
  [
    "mlflow=ftp://h",
    "an MLflow server has an http:// or https:// URL, not ftp://, for example mlflow=http://127.0.0.1:5000",
  ],
  [
    "mlflow=http://ann:secret@h",
    "the URL of the MLflow server must not contain credentials; set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD",
  ],
  ["mlflow=http://h?token=secret", "the URL of the MLflow server must not have a query or a #"],
])("%s is refused", (text, message) => {
  expect(() => parseTrackingTarget(text, {})).toThrow(expect.objectContaining({ code: "invalid-argument", message }));
});

test.each([
  [{ MLFLOW_TRACKING_USERNAME: "ann" }, "set both MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD"],
  [{ MLFLOW_TRACKING_TOKEN: "a\nsecret" }, "MLFLOW_TRACKING_TOKEN has characters that no token has"],
])("wrong credentials are refused without being shown", (env, message) => {
  expect(() => parseTrackingTarget("mlflow=http://h", env)).toThrow(
    expect.objectContaining({ code: "invalid-argument", message }),
  );
});
