"""Samples the search space of test/bench/tuning/problem.ts with Optuna, for `npm run bench:tuning`.

Each line of the input is a question: {"sampler": ..., "seed": ...} starts a study, {"ask": true} asks for parameters, and
{"tell": value} tells the value of the last ones; null is a failure. Each has a line as its answer.
"""

import json
import sys

import optuna

optuna.logging.set_verbosity(optuna.logging.ERROR)
SAMPLERS = {"random": optuna.samplers.RandomSampler, "tpe": optuna.samplers.TPESampler}
HIDDEN = [[8], [32], [64], [32, 32]]

study = trial = None
for line in sys.stdin:
    question = json.loads(line)
    answer = None
    if "sampler" in question:
        study = optuna.create_study(sampler=SAMPLERS[question["sampler"]](seed=question["seed"]))
    elif "ask" in question:
        trial = study.ask()
        answer = {
            "optimizer.learning_rate": trial.suggest_float("optimizer.learning_rate", 1e-4, 0.3, log=True),
            "model.hidden": HIDDEN[trial.suggest_categorical("model.hidden", list(range(len(HIDDEN))))],
            "batch": trial.suggest_categorical("batch", [16, 32, 64, 128]),
            "optimizer.name": trial.suggest_categorical("optimizer.name", ["adam", "momentum"]),
        }
        if answer["optimizer.name"] == "momentum":
            answer["optimizer.momentum"] = trial.suggest_float("optimizer.momentum", 0.5, 0.99)
    elif question["tell"] is None:
        study.tell(trial, state=optuna.trial.TrialState.FAIL)
    else:
        study.tell(trial, question["tell"])
    print(json.dumps(answer), flush=True)
