"""What commands make of the corpus of hostile files."""

from __future__ import annotations

import os
import pickle
import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch
import yaml
from hydra.errors import InstantiationException
from hydra.utils import instantiate

from evaluate import evaluate
from facekp.config import Config, DataConfig, EvaluateConfig
from facekp.data.read import read_records
from facekp.data.splits import split_records
from facekp.reporting.comparison import compare
from facekp.runs.resume import check_folder
from tests.helpers import blank_figures
from tests.hostile import (
    CHECKPOINTS,
    FOLDERS,
    JSON,
    OVERRIDES,
    SECRET,
    TRAINING_STATES,
    YAML,
    Done,
    Trap,
    Workplace,
    checkpoint_content,
    code_in_an_interpolation,
    write_checkpoint,
    write_overrides,
    write_run_folder,
)
from tests.hostile_runs import DAMAGES, HARMLESS, TRAINING
from tests.run_folders import make_run, part, write_stored


@pytest.fixture
def workplace(tmp_path, monkeypatch, capfd) -> Workplace:
    place = Workplace(tmp_path, monkeypatch, capfd)
    (place.folder.parent / "hostile_module.py").write_text(f"open({str(place.canary)!r}, 'w')")
    monkeypatch.syspath_prepend(place.folder.parent)
    return place


@pytest.fixture(scope="module")
def honest_run(drawn_root, tmp_path_factory) -> tuple[Path, list[str]]:
    """The folder of a run of two epochs, and how it was begun."""
    folder = tmp_path_factory.mktemp("honest") / "run"
    with blank_figures():
        return folder, write_run_folder(folder, drawn_root)


@pytest.fixture
def run(honest_run, workplace) -> list[str]:
    """A copy of that folder as ``run`` in the working folder."""
    folder, typed = honest_run
    shutil.copytree(folder, "run")
    return typed


def test_the_traps_would_spring(tmp_path):
    canary = tmp_path / "canary"
    pickle.loads(pickle.dumps(Trap(open, str(canary), "w")))
    assert canary.exists()
    canary.unlink()
    with pytest.raises(InstantiationException):  # once the code has run
        instantiate({"_target_": "builtins.dict", "scheme": code_in_an_interpolation(canary)})
    assert canary.exists()


def test_the_files_that_are_changed_were_honest(workplace, drawn_root, run):
    write_checkpoint(checkpoint_content(drawn_root), Path("other/checkpoints/last.ckpt"))
    with blank_figures():
        for script, *arguments in (
            ("evaluate", "ckpt_path=other", "accelerator=cpu"),
            ("train", "resume=run", "trainer.max_epochs=3"),
        ):
            done = workplace.command(script, *arguments)
            assert (done.status, done.err) == (0, "")
            workplace.assert_harmless(done)


def hostile_checkpoint(workplace: Workplace, root: Path, kind: str) -> None:
    content = checkpoint_content(root)
    CHECKPOINTS[kind](content, workplace.canary)
    write_checkpoint(content, Path("run/checkpoints/last.ckpt"))


@pytest.mark.parametrize("kind", CHECKPOINTS)
def test_a_hostile_checkpoint_is_refused(workplace, drawn_root, kind):
    hostile_checkpoint(workplace, drawn_root, kind)
    settings = EvaluateConfig(ckpt_path="run", accelerator="cpu")
    assert "run/checkpoints/last.ckpt" in workplace.assert_refused(lambda: workplace.call(evaluate, settings))


@pytest.mark.parametrize("kind", ["code in an interpolation", "unpickled: os.system", "a hidden layer of terabytes"])
def test_a_command_that_is_given_a_hostile_checkpoint_ends_in_one_sentence(workplace, drawn_root, kind):
    hostile_checkpoint(workplace, drawn_root, kind)
    workplace.assert_refused(lambda: workplace.command("evaluate", "ckpt_path=run", "accelerator=cpu"))


def test_a_network_of_others_is_used_once_its_module_is_trusted(workplace, drawn_root):
    module = workplace.folder.parent / "trusted_module.py"
    module.write_text("from facekp.models.nose import NoseNet\n\nclass Net(NoseNet):\n    pass\n")
    content = checkpoint_content(drawn_root)
    content["hyper_parameters"]["model"]["network"]["_target_"] = "trusted_module.Net"
    write_checkpoint(content, Path("run/checkpoints/last.ckpt"))
    settings = EvaluateConfig(ckpt_path="run", accelerator="cpu")
    message = workplace.assert_refused(lambda: workplace.call(evaluate, settings))
    assert "add trust=[trusted_module]" in message
    with blank_figures():
        done = workplace.call(evaluate, replace(settings, trust=["trusted_module"]))
    assert (done.status, done.err) == (0, "")


def resumed(workplace: Workplace, *arguments: str) -> Done:
    return workplace.command("train", "resume=run", "trainer.max_epochs=3", *arguments)


@pytest.mark.parametrize("line", OVERRIDES)
def test_a_hostile_override_of_a_run_folder_is_refused(workplace, run, line):
    write_overrides(Path("run"), [*run, line])
    workplace.assert_refused(lambda: resumed(workplace))


def test_an_override_that_is_refused_can_be_given_by_hand(workplace, run):
    more = "+callbacks.more={_target_: lightning.pytorch.Callback}"
    write_overrides(Path("run"), [*run, more])
    assert f"add '{more}' to the command line" in workplace.assert_refused(lambda: resumed(workplace))
    with blank_figures():
        done = resumed(workplace, more)
    assert (done.status, done.err) == (0, "")


@pytest.mark.parametrize("kind", YAML)
def test_overrides_that_are_no_list_of_texts_are_refused(workplace, run, kind):
    Path("run/.hydra/overrides.yaml").write_bytes(YAML[kind])
    workplace.assert_refused(lambda: resumed(workplace))


def test_a_run_folder_of_links_that_lead_out_of_it_is_refused(workplace, run):
    Path("elsewhere").mkdir()
    Path("run/figures").rename("run/old_figures")
    Path("run/figures").symlink_to(Path("elsewhere").absolute())
    assert "run/figures leads out of" in workplace.assert_refused(lambda: resumed(workplace))


@pytest.fixture
def sweep(run) -> list[str]:
    """A sweep's folder, ``sweep``, whose only run is not finished, and the arguments that go on with it."""
    job = Path("sweep/0")
    shutil.copytree("run", job)
    (job / "report.html").unlink()
    typed = [*(line for line in run if "max_epochs" not in line), "trainer.max_epochs=3"]
    begun = {"hydra": {"overrides": {"task": typed}, "runtime": {"choices": {}}}}
    Path("sweep/multirun.yaml").write_text(yaml.safe_dump(begun))
    return ["-m", *typed, "hydra.sweep.dir=sweep"]


def test_what_a_run_of_a_sweep_was_begun_with_is_not_used(workplace, sweep):
    write_overrides(Path("sweep/0"), [*OVERRIDES])
    Path("sweep/0/.hydra/config.yaml").write_text("callbacks: {evil: {_target_: hostile_module.Callback}}")
    with blank_figures():
        done = workplace.command("train", *sweep)
    assert (done.status, done.err) == (0, "")
    workplace.assert_harmless(done)
    assert torch.load("sweep/0/checkpoints/last.ckpt", weights_only=True)["epoch"] == 2


@pytest.mark.parametrize("kind", YAML)
def test_a_sweep_is_not_continued_in_a_hostile_folder(workplace, sweep, kind):
    Path("sweep/multirun.yaml").write_bytes(YAML[kind])
    assert "multirun.yaml" in workplace.assert_refused(lambda: workplace.command("train", *sweep))


@pytest.mark.parametrize("kind", ["code in an interpolation", "loops that are texts"])
def test_a_hostile_training_state_of_a_run_of_a_sweep_is_refused(workplace, sweep, kind):
    path = Path("sweep/0/checkpoints/last.ckpt")
    content = torch.load(path, weights_only=True)
    TRAINING_STATES[kind](content, workplace.canary)
    write_checkpoint(content, path)
    assert str(path) in workplace.assert_refused(lambda: workplace.command("train", *sweep), output="sweep")


@pytest.mark.parametrize("name", ["run.json", "metrics.json"])
def test_damaged_notes_of_a_run_of_a_sweep_are_refused(workplace, sweep, name):
    Path("sweep/0/report.html").touch()
    Path("sweep/0", name).write_bytes(JSON["other kinds"])
    os.utime(Path("sweep/0", name), (0, 0))
    assert name in workplace.assert_refused(lambda: workplace.command("train", *sweep), output="sweep")


@pytest.mark.parametrize("kind", ["aliases that double", "codes for the terminal"])
def test_a_hostile_run_beside_those_of_a_sweep_is_told_of(workplace, sweep, kind):
    shutil.copytree("run", "sweep/1")
    Path("sweep/1/.hydra/overrides.yaml").write_bytes(YAML[kind])
    with blank_figures():
        message = workplace.assert_refused(lambda: workplace.command("train", *sweep), output="sweep")
    assert "sweep/1" in message


@pytest.mark.parametrize("link", [".lock", "multirun.yaml", "0/.hydra", "0/checkpoints"])
def test_a_sweep_is_not_written_through_a_link(workplace, sweep, link):
    path = Path("sweep", link)
    if path.exists():
        path.rename("elsewhere")
    else:
        Path("elsewhere").touch()
    path.symlink_to(Path("elsewhere").absolute())
    assert f"sweep/{link} leads out of" in workplace.assert_refused(lambda: workplace.command("train", *sweep))


@pytest.mark.parametrize("link", ["evaluate", "evaluate/last-mended", "evaluate/last-mended/figures"])
def test_an_evaluation_is_not_written_through_a_link(workplace, drawn_root, link):
    write_checkpoint(checkpoint_content(drawn_root), Path("run/checkpoints/last.ckpt"))
    Path("elsewhere").mkdir()
    Path("run", link).parent.mkdir(parents=True, exist_ok=True)
    Path("run", link).symlink_to(Path("elsewhere").absolute())
    settings = EvaluateConfig(ckpt_path="run", accelerator="cpu")
    assert "leads out of run" in workplace.assert_refused(lambda: workplace.call(evaluate, settings))


@pytest.mark.parametrize("kind", TRAINING_STATES)
def test_a_hostile_training_state_is_refused(workplace, run, kind):
    path = Path("run/checkpoints/last.ckpt")
    content = torch.load(path, weights_only=True)
    TRAINING_STATES[kind](content, workplace.canary)
    write_checkpoint(content, path)
    assert str(path) in workplace.assert_refused(lambda: resumed(workplace), output="run")


def test_a_checkpoint_cannot_have_files_of_others_removed(workplace, run):
    Path("precious").touch()
    path = Path("run/checkpoints/last.ckpt")
    content = torch.load(path, weights_only=True)
    folder = path.parent.absolute()
    victim = str(folder / "../../precious")
    for state in content["callbacks"].values():
        if "kth_best_model_path" in state:
            state |= {"dirpath": str(folder), "kth_best_model_path": victim, "best_k_models": {victim: torch.ones(1)}}
            state |= {"kth_value": torch.tensor(1e9), "best_model_score": torch.tensor(1e9), "best_model_path": victim}
    write_checkpoint(content, path)
    with blank_figures():
        workplace.assert_harmless(resumed(workplace))
    assert Path("precious").exists()


@pytest.mark.parametrize("name", ["run.json", "metrics.json"])
@pytest.mark.parametrize("kind", JSON)
def test_damaged_notes_of_a_run_are_refused(workplace, run, name, kind):
    Path("run", name).write_bytes(JSON[kind])
    os.utime(Path("run", name), (0, 0))  # before the report was written
    assert name in workplace.assert_refused(lambda: workplace.call(check_folder, Config(resume="run")))


@pytest.mark.parametrize("kind", [*JSON, "a pipe"])
def test_a_hostile_split_is_refused(workplace, drawn_records, kind):
    os.mkfifo("split.json") if kind == "a pipe" else Path("split.json").write_bytes(JSON[kind])
    settings = DataConfig("drawn", split="split.json")
    message = workplace.assert_refused(lambda: workplace.call(partial(split_records, drawn_records), settings))
    assert "split.json" in message


@pytest.mark.parametrize("kind", [*YAML, "a pipe"])
def test_a_hostile_scheme_is_refused(workplace, drawn_root, kind):
    os.mkfifo("scheme.yaml") if kind == "a pipe" else Path("scheme.yaml").write_bytes(YAML[kind])
    reader = {"_target_": "facekp.data.readers.asf.AsfFolderReader", "scheme": "scheme.yaml"}
    settings = DataConfig("drawn", reader, str(drawn_root), labels="raw")
    assert "scheme.yaml" in workplace.assert_refused(lambda: workplace.call(read_records, settings))


@pytest.mark.parametrize("kind", DAMAGES)
def test_a_hostile_run_is_not_compared(workplace, kind):
    runs = [make_run(Path(name)) for name in ("honest", "hostile")]
    DAMAGES[kind](runs[1])
    settings = EvaluateConfig(compare=["honest", "hostile"])
    assert "hostile" in workplace.assert_refused(lambda: workplace.call(compare, settings))


@pytest.mark.parametrize("kind", HARMLESS)
def test_what_a_run_asks_for_is_not_done(workplace, kind):
    runs = [make_run(Path(name)) for name in ("hostile", "honest")]
    HARMLESS[kind](runs[0])
    with blank_figures():
        done = workplace.call(compare, EvaluateConfig(compare=["hostile", "honest"], output_dir="out"))
    assert done.status == 0, done.err
    workplace.assert_harmless(done)
    assert SECRET.encode() not in b"".join(path.read_bytes() for path in Path("out").glob("*.*"))
    assert "<script>alert" not in Path("out/compare.html").read_text()


def test_a_command_that_is_given_a_hostile_run_ends_in_one_sentence(workplace):
    runs = [make_run(Path(name)) for name in ("honest", "hostile")]
    DAMAGES["a text of half a character"](runs[1])
    assert "hostile" in workplace.assert_refused(lambda: workplace.command("evaluate", "compare=[honest,hostile]"))


@pytest.mark.parametrize("kind", TRAINING)
def test_a_run_whose_training_is_not_told_is_not_evaluated(workplace, drawn_root, kind):
    write_checkpoint(checkpoint_content(drawn_root), Path("run/checkpoints/last.ckpt"))
    write_stored(Path("run"), parts=(part(),))
    TRAINING[kind](Path("run"))
    settings = EvaluateConfig(ckpt_path="run", accelerator="cpu")
    assert "run" in workplace.assert_refused(lambda: workplace.call(evaluate, settings))


def test_a_name_is_neither_markup_nor_a_formula(workplace, drawn_root):
    content, name = checkpoint_content(drawn_root), r"[/bold] $x_$ \foo :smile:"
    content["FaceDataModule"]["settings"]["name"] = name
    write_checkpoint(content, Path("$x_$ [/bold]/checkpoints/last.ckpt"))
    done = workplace.command("evaluate", "ckpt_path='$x_$ [/bold]'", "accelerator=cpu")
    assert (done.status, done.err) == (0, "")
    assert name in done.out
    assert "$x_$ [/bold]/evaluate" in done.out
    assert name in Path("$x_$ [/bold]/evaluate/last-mended/report.html").read_text()


@pytest.mark.parametrize("kind", FOLDERS)
def test_a_hostile_data_folder_is_refused(workplace, drawn_root, kind):
    FOLDERS[kind](Path(shutil.copytree(drawn_root, "faces")))
    settings = DataConfig("drawn", {"_target_": "facekp.data.readers.danes.DanesReader"}, "faces")
    assert "faces" in workplace.assert_refused(lambda: workplace.call(read_records, settings))
