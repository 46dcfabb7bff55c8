import type { WrongCommand } from "./wrong-command.ts";

const example = "for example mlflow=http://127.0.0.1:5000";
const trainer = "trainer --pipeline pipeline.yaml --team m1.yaml --nats nats://127.0.0.1:1";

/** With tracking servers. */
export const wrongTracking: readonly WrongCommand[] = [
  {
    what: "tracking by a word",
    run: `${trainer} --track foo`,
    exit: 2,
    says: `uncouple: tracking must be mlflow=URL, ${example}`,
  },
  {
    what: "tracking without the kind of server",
    run: "evaluator --pipeline pipeline.yaml --nats nats://127.0.0.1:1 --track http://127.0.0.1:5000",
    exit: 2,
    says: `uncouple: tracking must be mlflow=URL, ${example}`,
  },
  {
    what: "tracking at an unknown kind of server",
    run: "up pipeline.yaml m1.yaml --dir other --track wandb=http://127.0.0.1:5000",
    exit: 2,
    says: `uncouple: cannot track with "wandb"; use mlflow=URL, ${example}`,
  },
  {
    what: "tracking over FTP",
    run: "up pipeline.yaml m1.yaml --dir other --track mlflow=ftp://127.0.0.1",
    exit: 2,
    says: `uncouple: an MLflow server has an http:// or https:// URL, not ftp://, ${example}`,
  },
  {
    what: "tracking with a password in the URL",
    run: `${trainer} --track mlflow=http://ann:canary@127.0.0.1:5000`,
    exit: 2,
    says: "uncouple: the URL of the MLflow server must not contain credentials; set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD",
  },
];
