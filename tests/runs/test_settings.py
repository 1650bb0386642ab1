"""In which settings runs differ, and that what a stored setting asks for is never resolved."""

from __future__ import annotations

import shutil
from typing import Any

import pytest

from facekp.runs.find import find_runs, runs_in
from facekp.runs.settings import differing_overrides, differing_settings, referred
from tests.run_folders import make_run, write_stored


def test_settings_are_told_where_they_differ(tmp_path):
    nose: dict[str, Any] = {
        "model": {
            "name": "nose",
            "network": {"_target_": "nets.Nose", "hidden": 8},
            "max_epochs": 14,
        },
        "optimizer": {"lr": 0.1},
        "augment": {"transforms": {"blur": {"_target_": "made.up.Blur"}}},
        "trainer": {"max_epochs": "${model.max_epochs}"},
        "callbacks": {"pictures": {"every": 5}},
        "seed": 0,
        "run_dir": "${hydra:runtime.output_dir}",
    }
    full = nose | {
        "model": {"name": "full", "network": {"_target_": "nets.Full"}, "max_epochs": 14},
        "optimizer": {"lr": 0.2},
        "augment": {"transforms": {}},
        "trainer": {"max_epochs": 25},
        "callbacks": {},
    }
    same = full | {"optimizer": {"lr": 0.3}, "trainer": {"max_epochs": 14}}
    for name, config in (("a", nose), ("b", full), ("c", same)):
        make_run(tmp_path / name, config=config)
    settings = differing_settings(runs_in(tmp_path))
    assert settings[0] == {
        "model.name": "nose",
        "model.network": "Nose",
        "model.network.hidden": "8",
        "optimizer.lr": "0.1",
        "augment.transforms.blur": "Blur",
        "trainer.max_epochs": "14",
        "callbacks.pictures.every": "5",
    }
    assert [row["trainer.max_epochs"] for row in settings] == ["14", "25", "14"]
    assert [row["augment.transforms.blur"] for row in settings] == ["Blur", "–", "–"]


def test_runs_are_told_apart_by_the_overrides_that_differ(tmp_path):
    common = ("trainer.max_epochs=2", "callbacks.pictures=null")
    for name, typed in {"a": ("model=nose",), "b": ("model=full", "optimizer.lr=0.1"), "c": ("model=full",)}.items():
        write_stored(make_run(tmp_path / name, weights="best" if name == "c" else "last"), overrides=(*common, *typed))
    told = differing_overrides(runs_in(tmp_path))
    assert told == ["weights=last, model=nose", "weights=last, model=full, lr=0.1", "weights=best, model=full"]
    write_stored(tmp_path / "a", overrides=("seed=1", "data.fold=1", "augment=none"))
    assert differing_overrides(runs_in(tmp_path)) == ["", "", ""]


def test_an_evaluation_has_the_settings_of_its_run(tmp_path):
    run = make_run(tmp_path / "run", config={"seed": 7})
    evaluation = make_run(run / "evaluate" / "best-mended", weights="best", config={})
    shutil.rmtree(evaluation / ".hydra")
    runs, _ = find_runs([str(run), str(evaluation)])
    assert list(runs) == ["run", "run/evaluate/best-mended"]
    assert runs["run/evaluate/best-mended"].config == {"seed": 7}
    assert differing_settings(list(runs.values())) == [{"weights": "last"}, {"weights": "best"}]


@pytest.mark.parametrize(
    ("value", "meant"),
    [
        ("${model.max_epochs}", 14),
        ("${a}", 14),
        (3, 3),
        (None, None),
        ("${oc.env:HOME}", "${oc.env:HOME}"),
        ("${oc.env:HOME,1}", "${oc.env:HOME,1}"),
        ("${home}", "${home}"),
        ("${nowhere.at_all}", "${nowhere.at_all}"),
        ("${model.max_epochs.more}", "${model.max_epochs.more}"),
        ("${circle}", "${circle}"),
        ("${oc.create:{_target_:os.system}}", "${oc.create:{_target_:os.system}}"),
        ("x${model.max_epochs}", "x${model.max_epochs}"),
    ],
)
def test_a_setting_stands_for_another_one_of_its_file_and_for_nothing_else(value, meant):
    config = {
        "model": {"max_epochs": 14},
        "a": "${b}",
        "b": "${model.max_epochs}",
        "home": "${oc.env:HOME}",
        "circle": "${other}",
        "other": "${circle}",
    }
    assert referred(value, config) == meant
