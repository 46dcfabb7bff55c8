"""Drives a study of a trainer with Optuna, by ask and tell over gRPC.

    pip install -r examples/python/requirements.txt
    python examples/python/tune_with_optuna.py --trainer 127.0.0.1:7001 --component m1 --trials 40

The trainer trains and measures; Optuna's TPE sampler chooses the parameters, and its median pruner ends trials. Both
sides keep what they know: the same command goes on after an interruption of either, up to `--trials` in all.
"""

import argparse
import sys
import time
from pathlib import Path

import grpc
import optuna
from optuna.trial import TrialState

PROTO = Path(__file__).resolve().parents[2] / "proto"
# grpcio-tools generates the stubs from the file when it is imported.
sys.path.append(str(PROTO))
messages, services = grpc.protos_and_services("uncouple/v1/tuning.proto")

HIDDEN = {"none": [], "16": [16], "64": [64], "64-64": [64, 64]}
UNENDED = (messages.TRIAL_STATE_WAITING, messages.TRIAL_STATE_RUNNING)
POLL_SECONDS = 0.2
# A trainer that restarts is back well within this time.
OUTAGE_SECONDS = 120


def suggest(trial: optuna.Trial) -> dict:
    """The search space: keys of the team file with dots. Edit it."""
    return {
        "optimizer.learning_rate": trial.suggest_float("learning_rate", 1e-4, 1e-1, log=True),
        "model.hidden": HIDDEN[trial.suggest_categorical("hidden", list(HIDDEN))],
        "batch": trial.suggest_categorical("batch", [32, 64, 128]),
    }


class Trainer:
    """A study of a trainer, whose trials Optuna chooses."""

    def __init__(self, address: str, component: str | None):
        self.stub = services.TuningStub(grpc.insecure_channel(address))
        self.of = {} if component is None else {"component": component}

    def open(self, study: optuna.Study, team_file: str | None) -> str:
        """The study that belongs to Optuna's study; starts it the first time. Returns its id."""
        known = study.user_attrs.get("uncouple")
        if known is not None:
            # Goes on with it if it was stopped.
            return self.stub.ExtendStudy(messages.ExtendStudyRequest(id=known, trials=0, **self.of)).id
        request = messages.StartStudyRequest(trials=0, **self.of)
        if team_file is not None:
            request.team_file = team_file
        started = self.stub.StartStudy(request).id
        study.set_user_attr("uncouple", started)
        return started

    def run(self, id: str, trial: optuna.Trial, parameters: dict):
        """Runs a trial, which Optuna may prune on the way. Returns its last state."""
        request = messages.RunTrialRequest(study=id, **self.of)
        request.parameters.update(parameters)
        number = None
        reported = 0
        while number is None:
            # A trainer that restarts is waited for.
            call = self.stub.RunTrial(request, wait_for_ready=True)
            try:
                for state in call:
                    if number is None:
                        number = state.trial
                        trial.set_user_attr("uncouple", number)
                    if len(state.measured) == reported:
                        continue
                    reported = report(trial, state, reported)
                    if trial.should_prune():
                        call.cancel()
            except grpc.RpcError as error:
                if error.code() not in (grpc.StatusCode.CANCELLED, grpc.StatusCode.UNAVAILABLE):
                    raise
                if number is None:
                    time.sleep(POLL_SECONDS)
        # Cut off, or canceled, the trial has its end in the study.
        state = self.end_of(id, number)
        report(trial, state, reported)
        return state

    def end_of(self, id: str, number: int):
        """Waits until a trial has ended, also while the trainer restarts: the trial goes on by itself."""
        last_answer = time.monotonic()
        while True:
            try:
                trials = self.stub.GetStudy(messages.GetStudyRequest(id=id, **self.of)).trials
                last_answer = time.monotonic()
                if trials[number - 1].state not in UNENDED:
                    return trials[number - 1]
            except grpc.RpcError as error:
                if error.code() != grpc.StatusCode.UNAVAILABLE or time.monotonic() - last_answer > OUTAGE_SECONDS:
                    raise
            time.sleep(POLL_SECONDS)


def report(trial: optuna.Trial, state, known: int) -> int:
    """Tells Optuna all measurements after the first `known`. Returns how many it knows now."""
    for one in state.measured[known:]:
        trial.report(one.value, one.step)
    return len(state.measured)


def tell(study: optuna.Study, trial: optuna.Trial | int, state) -> None:
    """Tells Optuna how a trial ended. Optuna takes the last measurement of a pruned one as its value."""
    if state.state == messages.TRIAL_STATE_FAILED:
        study.tell(trial, state=TrialState.FAIL)
        print(f"failed: {state.error.message}", file=sys.stderr)
    elif state.state == messages.TRIAL_STATE_PRUNED:
        study.tell(trial, state=TrialState.PRUNED)
    else:
        study.tell(trial, state.value)


def settle(study: optuna.Study, trainer: Trainer, id: str) -> None:
    """Tells Optuna the ends of trials that an earlier call of this program did not live to see."""
    for left in study.get_trials(states=(TrialState.RUNNING,)):
        number = left.user_attrs.get("uncouple")
        if number is None:
            study.tell(left.number, state=TrialState.FAIL)
        else:
            tell(study, left.number, trainer.end_of(id, number))


def main() -> None:
    parser = argparse.ArgumentParser(description="Drives a study of a trainer with Optuna.")
    parser.add_argument("--trainer", default="127.0.0.1:7001", help="host:port of the trainer's gRPC server")
    parser.add_argument("--component", help="needed if the trainer hosts several")
    parser.add_argument("--team", type=Path, help="a team file with a search, in place of the trainer's own")
    parser.add_argument("--trials", type=int, default=40, help="in all")
    parser.add_argument("--seed", type=int, default=1, help="of the sampler")
    parser.add_argument("--storage", default="sqlite:///optuna.db", help="where Optuna keeps its study")
    parser.add_argument("--study-name", default="uncouple")
    options = parser.parse_args()

    study = optuna.create_study(
        study_name=options.study_name,
        storage=options.storage,
        load_if_exists=True,
        pruner=optuna.pruners.MedianPruner(),
    )
    # The same seed would draw the same first trials again after an interruption.
    study.sampler = optuna.samplers.TPESampler(seed=options.seed + len(study.trials))
    trainer = Trainer(options.trainer, options.component)
    id = trainer.open(study, None if options.team is None else options.team.read_text())
    settle(study, trainer, id)

    while len(study.trials) < options.trials:
        trial = study.ask()
        tell(study, trial, trainer.run(id, trial, suggest(trial)))
    if study.get_trials(states=(TrialState.COMPLETE,)):
        best = study.best_trial
        print(f"study {id}: trial {best.user_attrs['uncouple']} is the best of {len(study.trials)}")
        print(f"  value {best.value:g} with {best.params}")


if __name__ == "__main__":
    main()
