"""Prints what Optuna knows of a study, as JSON: `optuna_trials.py STORAGE NAME`."""

import json
import sys

import optuna

study = optuna.load_study(study_name=sys.argv[2], storage=sys.argv[1])
trials = [
    {
        "state": trial.state.name,
        "value": trial.value,
        "params": trial.params,
        "measured": {str(step): value for step, value in trial.intermediate_values.items()},
        "ours": trial.user_attrs.get("uncouple"),
    }
    for trial in study.trials
]
print(json.dumps({"study": study.user_attrs.get("uncouple"), "trials": trials}))
