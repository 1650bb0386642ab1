import warnings
from types import SimpleNamespace

import pytest

from facekp.config import AugmentConfig, DataConfig
from facekp.data.datamodule import FaceDataModule
from facekp.landmarks.scheme import DANES
from facekp.reporting.training_images import PredictionImages
from facekp.training.callbacks import CollapseWarning
from facekp.training.progress import EpochLines, progress
from facekp.utils.errors import ConfigError
from tests.models.helpers import bare_trainer, tiny_module

SIZE = (80, 60)


def fit(split, callback, epochs=2):
    data = FaceDataModule(DataConfig(name="drawn"), SIZE, AugmentConfig(name="none"), known=(split, DANES))
    module = tiny_module(SIZE)
    trainer = bare_trainer(epochs, callback)
    trainer.fit(module, data)


def test_one_warning_when_all_faces_get_one_shape(drawn_split, monkeypatch):
    monkeypatch.setattr("facekp.evaluation.metrics.spread", lambda predictions: 0.01)
    with pytest.warns(UserWarning, match="collapsed to one shape") as caught:
        fit(drawn_split, CollapseWarning(), epochs=4)
    collapsed = [str(warning.message) for warning in caught if "collapsed" in str(warning.message)]
    assert len(collapsed) == 1
    assert collapsed[0].startswith("after epoch 2 ")


def test_no_warning_when_answers_vary(drawn_split, monkeypatch):
    monkeypatch.setattr("facekp.evaluation.metrics.spread", lambda predictions: 0.9)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*collapsed.*")
        fit(drawn_split, CollapseWarning())


@pytest.mark.parametrize("settings", [{"every_n_epochs": 0}, {"faces": 0}])
def test_pictures_out_of_bounds_are_refused(settings):
    with pytest.raises(ConfigError, match=r"callbacks\.pictures\..* at least 1"):
        PredictionImages(**settings)


def test_plain_lines_where_there_is_no_terminal(drawn_split, capsys):
    assert isinstance(progress(True), EpochLines)
    assert isinstance(progress(False), EpochLines)
    fit(drawn_split, EpochLines())
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[1] for line in lines] == ["1/2", "2/2"]
    assert all(name in lines[0] for name in ("train/loss", "val/loss", "val/error_px"))


@pytest.mark.parametrize("epochs", [50, 51, 300])
def test_a_long_training_has_about_fifty_lines_the_last_epoch_among_them(epochs, capsys):
    lines = EpochLines()
    for epoch in range(epochs):
        told = {"current_epoch": epoch, "max_epochs": epochs, "is_global_zero": True, "progress_bar_metrics": {}}
        lines.on_train_epoch_end(SimpleNamespace(**told), None)
    shown = capsys.readouterr().out.splitlines()
    assert 25 < len(shown) <= 51
    assert shown[-1].split()[1] == f"{epochs}/{epochs}"
