"""Settings: flags win over the environment, which wins over defaults, and a bad value is named where it stands."""

import dataclasses
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from violet_operator.settings import OPTIONS, Settings, parse

# field: a text for the flag, its value; a text for the variable, its value; all differ from the default
SAMPLES: dict[str, tuple[str, Any, str, Any]] = {
    "kubeconfig": ("/a", Path("/a"), "/b", Path("/b")),
    "namespaces": ("a, b,", ("a", "b"), "c", ("c",)),
    "system_namespace": ("a", "a", "b", "b"),
    "control_slots": ("2", 2, "3", 3),
    "transfers": ("2", 2, "3", 3),
    "streams": ("2", 2, "3", 3),
    "minimum_policy": ("Require", "Require", "IfPresent", "IfPresent"),
    "require_gpg": ("true", True, "True", True),
    "gpg_fingerprints": ("ab" * 20, ("AB" * 20,), f"{'1' * 40}, {'2' * 64}", ("1" * 40, "2" * 64)),
    "artifact_labels": (
        "a=b",
        (("a", "b"),),
        "cpaas.io/managed-by=me, x.io/y=,",
        (("cpaas.io/managed-by", "me"), ("x.io/y", "")),
    ),
    "publish_deadline": ("1.5", 1.5, "60", 60.0),
    "progress_interval": ("1.5", 1.5, "60", 60.0),
    "metrics_port": ("0", 0, "65535", 65535),
    "health_port": ("0", 0, "65535", 65535),
    "log_format": ("json", "json", "json", "json"),
    "log_level": ("debug", "debug", "error", "error"),
}
BAD = {
    "control_slots": ["0", "-1", "many", "1.5", " "],
    "transfers": ["0", "-1", "many"],
    "streams": ["0", "-1", "many"],
    "minimum_policy": ["require", "None"],
    "require_gpg": ["yes", "1", " "],
    "gpg_fingerprints": [",", "ABCD1234ABCD1234", "x" * 40, f"{'1' * 40} {'2' * 40}"],
    "artifact_labels": ["=b", "a b=c", "-a=b", "a/b/c=d"],
    "publish_deadline": ["soon", "0", "-1", "nan", "inf"],
    "progress_interval": ["soon", "0", "-1", "nan", "inf"],
    "metrics_port": ["-1", "65536", "http"],
    "health_port": ["-1", "65536", "http"],
    "log_format": ["xml", "JSON"],
    "log_level": ["loud", "INFO"],
}
BY_FIELD = {option.field: option for option in OPTIONS}
BAD_VALUES = [(field, text) for field, texts in BAD.items() for text in texts]


def test_every_setting_has_exactly_one_option_and_a_sample() -> None:
    fields = [field.name for field in dataclasses.fields(Settings)]
    assert sorted(option.field for option in OPTIONS) == sorted(fields)
    assert set(SAMPLES) == set(fields)


def test_flags_and_variables_are_unique_and_begin_alike() -> None:
    assert len({option.flag for option in OPTIONS}) == len({option.variable for option in OPTIONS}) == len(OPTIONS)
    assert all(option.variable.startswith("VIOLET_") for option in OPTIONS)
    assert BY_FIELD["system_namespace"].variable == "VIOLET_SYSTEM_NAMESPACE"


def test_without_anything_the_defaults_hold() -> None:
    assert parse([], {}) == Settings()


@pytest.mark.parametrize("field", SAMPLES)
def test_the_flag_wins_over_the_variable_and_that_over_the_default(field: str) -> None:
    option = BY_FIELD[field]
    flag, from_flag, variable, from_variable = SAMPLES[field]
    environment = {option.variable: variable}
    assert getattr(Settings(), field) not in (from_flag, from_variable)
    assert parse([option.flag, flag], environment) == dataclasses.replace(Settings(), **{field: from_flag})
    assert parse([], environment) == dataclasses.replace(Settings(), **{field: from_variable})


@pytest.mark.parametrize("field", SAMPLES)
def test_an_empty_variable_is_none(field: str) -> None:
    assert parse([], {BY_FIELD[field].variable: ""}) == Settings()


@pytest.mark.parametrize(("field", "text"), BAD_VALUES)
def test_a_bad_value_is_named_where_it_stands(field: str, text: str) -> None:
    option = BY_FIELD[field]
    with pytest.raises(ValueError, match=f"^{option.flag}: ") as of_flag:
        parse([f"{option.flag}={text}"], {})
    with pytest.raises(ValueError, match=f"^{option.variable}: ") as of_variable:
        parse([], {option.variable: text})
    assert repr(text) in str(of_flag.value)
    assert repr(text) in str(of_variable.value)


def test_a_bad_variable_does_not_matter_under_a_good_flag() -> None:
    assert parse(["--streams", "2"], {"VIOLET_STREAMS": "many"}).streams == 2


def test_the_program_ends_with_2_and_names_the_flag() -> None:
    done = _violet("run", "--streams", "0")
    assert done.returncode == 2
    assert "--streams: '0': must be at least 1" in done.stderr


def test_the_help_names_every_flag_and_variable() -> None:
    shown = " ".join(_violet("run", "--help").stdout.split())
    assert [option.flag for option in OPTIONS if f"{option.flag} " not in shown] == []
    assert [option.variable for option in OPTIONS if f"[{option.variable}]" not in shown] == []


def _violet(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "violet_operator.cli", *arguments]
    environment = os.environ | {"COLUMNS": "400"}
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=environment)
