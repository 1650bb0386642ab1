"""The commands as a user types them, to the end: train, evaluate, resume, sweep."""

from __future__ import annotations

import csv
import json
import shlex
from pathlib import Path

import pytest

from tests.processes import REPOSITORY, run
from tests.run_folders import measured, write_stored


def only_run(folder: Path) -> Path:
    (found,) = (folder / "outputs" / "nose").iterdir()
    return found


def test_train_resume_and_evaluate_on_drawn_faces(drawn_root, tmp_path):
    faces = (f"data.root={drawn_root}", "data.split=person_folds", "data.folds=4", "model.samples_per_image=1")
    trained = run(tmp_path, "train.py", "model=nose", "trainer.max_epochs=1", *faces, "run_dir=outputs/nose/first")
    assert trained.returncode == 0, trained.stderr
    folder = only_run(tmp_path)
    assert "epoch 1/1" in trained.stdout
    assert f"Report      {folder.relative_to(tmp_path)}/report.html" in trained.stdout
    assert f"Figures     {folder.relative_to(tmp_path)}/figures" in trained.stdout
    assert (folder / ".hydra" / "config.yaml").is_file()

    resumed = run(tmp_path, "train.py", f"resume={folder}", "trainer.max_epochs=2")
    assert resumed.returncode == 0, resumed.stderr
    assert "epoch 2/2" in resumed.stdout
    assert "epoch 1/2" not in resumed.stdout
    assert only_run(tmp_path) == folder
    assert json.loads((folder / "metrics.json").read_text())["epoch"] == 2
    parts = json.loads((folder / "run.json").read_text())["parts"]
    assert [part["epochs"] for part in parts] == [1, 2]
    train = str(REPOSITORY / "train.py")
    begun = ["python", train, "model=nose", "trainer.max_epochs=1", *faces]
    resumption = ["python", train, f"resume={folder}", "trainer.max_epochs=2"]
    assert [shlex.split(part["command"]) for part in parts] == [begun, resumption]
    whole = shlex.join(["python", "train.py", "model=nose", *faces, "trainer.max_epochs=2"])
    assert whole in (folder / "report.html").read_text()

    evaluated = run(tmp_path, "evaluate.py", f"ckpt_path={folder / 'checkpoints' / 'last.ckpt'}")
    assert evaluated.returncode == 0, evaluated.stderr
    again = folder / "evaluate" / "last-mended" / "metrics.json"
    assert json.loads(again.read_text()) == json.loads((folder / "metrics.json").read_text())


ODD = """
from pathlib import Path
from lightning.pytorch import Callback

class Odd(Callback):
    def on_train_start(self, trainer, pl_module):
        if not Path("mended").exists() and trainer.optimizers[0].defaults["lr"] == 3e-4:
            raise RuntimeError("this callback is broken")
"""


def test_a_sweep_ends_with_a_table_and_goes_on_where_it_failed(drawn_root, tmp_path, monkeypatch):
    (tmp_path / "odd.py").write_text(ODD)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    faces = (f"data.root={drawn_root}", "data.split=person_folds", "data.folds=4", "model.samples_per_image=1")
    short = ("trainer.max_epochs=1", "callbacks.pictures=null", "+callbacks.odd._target_=odd.Odd")
    sweep = ("-m", "model=nose", "optimizer.lr=3e-4,2e-3,1e-3", *faces, *short)
    swept = run(tmp_path, "train.py", *sweep)
    assert swept.returncode == 1
    assert "run 2 of 3: lr=0.002\n" in swept.stdout
    assert "point group" not in swept.stdout
    assert "RuntimeError('this callback is broken'); see outputs/sweeps/" in swept.stderr
    assert "Traceback" not in swept.stderr
    (table,) = (tmp_path / "outputs" / "sweeps").glob("*/sweep.csv")
    assert statuses(table) == {"0.001": "finished", "0.002": "finished", "0.0003": "failed"}
    assert "3 runs, by error on the validation faces" in swept.stdout
    (error,) = table.parent.glob("0*/error.txt")
    assert "RuntimeError: this callback is broken" in error.read_text()
    (last,) = table.parent.glob("2*/run.json")
    assert f"Page        {table.parent.relative_to(tmp_path)}/compare.html" in swept.stdout
    assert (table.parent / "compare.html").is_file()
    job = json.loads(last.read_text())["parts"][0]["command"]
    assert shlex.split(job)[2:] == ["model=nose", "optimizer.lr=0.001", *faces, *short]

    (tmp_path / "mended").touch()
    before = {
        path: path.read_bytes() for path in last.parent.rglob("*") if path.is_file() and path.name != "hydra.yaml"
    }
    again = run(tmp_path, "train.py", *sweep, f"hydra.sweep.dir={table.parent}")
    assert again.returncode == 0, again.stderr
    assert again.stdout.count("Skipped") == 2
    assert f"Skipped     {last.parent.name}: it has finished" in again.stdout
    assert statuses(table) == {"0.001": "finished", "0.002": "finished", "0.0003": "finished"}
    assert not error.exists()
    assert {path: path.read_bytes() for path in before} == before

    other = run(tmp_path, "train.py", *sweep, "seed=3", f"hydra.sweep.dir={table.parent}")
    assert other.returncode == 1
    assert "holds another sweep; give another hydra.sweep.dir, or the command of that one" in other.stderr
    assert {path: path.read_bytes() for path in before} == before


def test_a_sweep_runs_what_it_can_of_values_that_do_not_suit_each_other(tmp_path):
    swept = run(tmp_path, "train.py", "-m", "data.folds=4,5", "data.fold=0,4", "data.root=missing")
    assert swept.returncode == 1
    refused, missing = (
        [line for line in swept.stderr.splitlines() if text in line]
        for text in ("data.fold=4 does not", "folder missing")
    )
    assert (len(refused), len(missing)) == (1, 3)


def test_a_sweep_without_eyes_has_no_columns_for_them(tmp_path, capsys):
    from facekp.runs.sweep import close_sweep

    for seed in range(2):
        write_stored(tmp_path / str(seed), overrides=(f"seed={seed}",))
        content = measured(10.0)
        content["metrics"] |= dict.fromkeys(("nme", "failure_08", "error_px_turned"), float("nan"))
        (tmp_path / str(seed) / "metrics.json").write_text(json.dumps(content))
    assert close_sweep(tmp_path) == 0
    for name in ("sweep.csv", "sweep_summary.csv"):
        assert "error_px" in (tmp_path / name).read_text()
        assert not [word for word in ("nme", "turned", "nan") if word in (tmp_path / name).read_text()]
    assert "nan" not in capsys.readouterr().out


def statuses(table: Path) -> dict[str, str]:
    with table.open() as file:
        return {row["optimizer.lr"]: row["status"] for row in csv.DictReader(file)}


def test_a_sweep_over_seeds_tells_mean_and_spread(tmp_path, capsys):
    from statistics import mean, stdev

    from omegaconf import OmegaConf

    from facekp.evaluation.catalogue import COMPARED
    from facekp.runs.sweep import SweepTable

    errors = {("nose", 0): 10.0, ("nose", 1): 14.0, ("full", 0): 9.0, ("full", 1): 8.0}
    for number, ((model, seed), error) in enumerate(errors.items()):
        write_stored(tmp_path / str(number), overrides=(f"model={model}", f"seed={seed}"))
        (tmp_path / str(number) / "metrics.json").write_text(json.dumps(measured(error)))
    SweepTable().on_multirun_end(OmegaConf.create({"hydra": {"sweep": {"dir": str(tmp_path)}}}))
    with (tmp_path / "sweep_summary.csv").open() as file:
        rows = {row["model"]: row for row in csv.DictReader(file)}
    assert all({f"{name}_{part}" for name in COMPARED for part in ("mean", "sd")} < set(row) for row in rows.values())
    assert {row["runs"] for row in rows.values()} == {"2"}
    for model, row in rows.items():
        values = [error for (name, _), error in errors.items() if name == model]
        assert float(row["error_px_mean"]) == pytest.approx(mean(values))
        assert float(row["error_px_sd"]) == pytest.approx(stdev(values), rel=1e-3)
    assert "mean ± standard deviation" in capsys.readouterr().out


@pytest.mark.danes
@pytest.mark.parametrize(
    ("samples_per_image", "epochs", "most_px"), [(4, 8, 18), pytest.param(20, 14, 12, marks=pytest.mark.slow)]
)
def test_the_nose_network_learns_on_the_real_faces(danes_root, tmp_path, samples_per_image, epochs, most_px):
    shortened = (f"model.samples_per_image={samples_per_image}", f"trainer.max_epochs={epochs}")
    trained = run(tmp_path, "train.py", "model=nose", f"data.root={danes_root}", *shortened)
    assert trained.returncode == 0, trained.stderr
    metrics = json.loads((only_run(tmp_path) / "metrics.json").read_text())
    assert (metrics["images"], metrics["split"], metrics["epoch"]) == (48, "course", epochs)
    assert metrics["metrics"]["error_px"] < most_px
    assert metrics["metrics"]["spread"] > 0.5

    evaluated = run(tmp_path, "evaluate.py", f"ckpt_path={only_run(tmp_path)}")
    assert evaluated.returncode == 0, evaluated.stderr
    again = only_run(tmp_path) / "evaluate" / "last-mended" / "metrics.json"
    assert json.loads(again.read_text()) == metrics


@pytest.mark.slow
@pytest.mark.danes
def test_the_full_network_learns_on_the_real_faces(danes_root, tmp_path):
    trained = run(tmp_path, "train.py", "model=full", "trainer.max_epochs=25", f"data.root={danes_root}")
    assert trained.returncode == 0, trained.stderr
    (folder,) = (tmp_path / "outputs" / "full").iterdir()
    metrics = json.loads((folder / "metrics.json").read_text())["metrics"]
    assert metrics["mse_px2"] < 100
