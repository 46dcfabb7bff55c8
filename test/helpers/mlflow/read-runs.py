"""Prints as JSON what MLflow's own client has of an experiment: read-runs.py URL EXPERIMENT"""

import hashlib
import json
import sys
import tempfile

import mlflow
import mlflow.onnx

url, name = sys.argv[1:]
mlflow.set_tracking_uri(url)
client = mlflow.MlflowClient()


def model_of(run_id):
    if not client.list_artifacts(run_id, "model"):
        return None
    with tempfile.TemporaryDirectory() as folder:
        path = client.download_artifacts(run_id, "model/model.onnx", folder)
        with open(path, "rb") as file:
            digest = hashlib.sha256(file.read()).hexdigest()
    model = mlflow.onnx.load_model(f"runs:/{run_id}/model")
    info = mlflow.models.get_model_info(f"runs:/{run_id}/model")
    return {
        "digest": digest,
        "inputs": [one.name for one in model.graph.input],
        "signature": [one.name for one in info.signature.inputs],
        "flavors": sorted(info.flavors),
    }


experiment = client.get_experiment_by_name(name)
runs = [] if experiment is None else client.search_runs([experiment.experiment_id])
print(
    json.dumps(
        [
            {
                "id": run.info.run_id,
                "name": run.info.run_name,
                "status": run.info.status,
                "params": run.data.params,
                "tags": run.data.tags,
                "metrics": {
                    key: [[point.step, point.value] for point in client.get_metric_history(run.info.run_id, key)]
                    for key in run.data.metrics
                },
                "model": model_of(run.info.run_id),
            }
            for run in sorted(runs, key=lambda run: run.info.start_time)
        ]
    )
)
