"""Samples a search space with Optuna, for `npm run bench:tuning`.

Each line of the input is a question: {"sampler": ..., "seed": ..., "space": [...]} starts a study, {"ask": true} asks for
parameters, and {"tell": value} tells the value of the last ones; null is a failure. Each has a line as its answer. A space
is the parameters of a parsed `search` (services/pipeline/search.ts).
"""

import json
import sys

import optuna

optuna.logging.set_verbosity(optuna.logging.ERROR)
SAMPLERS = {"random": optuna.samplers.RandomSampler, "tpe": optuna.samplers.TPESampler}


def suggest(trial, space):
    """The parameters of a trial, without those whose conditions do not hold."""
    values = {}
    for parameter in space:
        key, of = parameter["key"], parameter["range"]
        if not all(values.get(other["key"]) in other["values"] for other in parameter["when"]):
            continue
        if of["kind"] == "choice":
            values[key] = of["choices"][trial.suggest_categorical(key, list(range(len(of["choices"]))))]
        elif of["integer"]:
            values[key] = trial.suggest_int(key, of["low"], of["high"], log=of["log"])
        else:
            values[key] = trial.suggest_float(key, of["low"], of["high"], log=of["log"])
    return values


study = trial = None
space = []
for line in sys.stdin:
    question = json.loads(line)
    answer = None
    if "sampler" in question:
        space = question["space"]
        study = optuna.create_study(sampler=SAMPLERS[question["sampler"]](seed=question["seed"]))
    elif "ask" in question:
        trial = study.ask()
        answer = suggest(trial, space)
    elif question["tell"] is None:
        study.tell(trial, state=optuna.trial.TrialState.FAIL)
    else:
        study.tell(trial, question["tell"])
    print(json.dumps(answer), flush=True)
