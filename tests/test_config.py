import pytest
from hydra import compose, initialize_config_dir

from facekp.config import CONF, Config, DataConfig, checked, evaluated_data, register
from facekp.utils.errors import ConfigError


def composed(*overrides: str, name: str = "train"):
    register()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose(name, overrides=[*(["run_dir=here"] if name == "train" else []), *overrides])


def test_defaults_are_those_of_the_course():
    nose = checked(composed("model=nose"))
    assert isinstance(nose, Config)
    assert (nose.model.input_size, nose.trainer.max_epochs, nose.model.selection) == ([80, 60], 14, "nose_tip")
    full = checked(composed("model=full"))
    assert (full.model.input_size, full.trainer.max_epochs, full.model.selection) == ([160, 120], 25, "all")


def test_every_option_of_every_group_composes():
    for group in ("data", "augment", "model", "optimizer", "schedule", "trainer", "callbacks", "logger", "experiment"):
        options = sorted(path.stem for path in (CONF / group).glob("*.yaml"))
        assert options, group
        for option in options:
            assert checked(composed(f"{group}={option}"))


@pytest.mark.parametrize(
    ("overrides", "folder"),
    [
        ((), "nose"),
        (("data=pts", "model=full"), "pts-full"),
        (("data.name='my/../faces \u00fc'",), "my-..-faces-\u00fc-nose"),
    ],
)
def test_the_folder_of_a_run_names_data_of_ones_own(overrides, folder):
    register()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("train", overrides=[*overrides], return_hydra_config=True)
    assert config.hydra.run.dir.split("/")[:-1] == ["outputs", folder]


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("optimizer.lr=-1", r"optimizer\.lr=-1 .* more than 0"),
        ("model.lr=0", r"model\.lr=0\.0 .* more than 0"),
        ("optimizer.lr=fast", r"optimizer\.lr=fast is not possible: it must be a number"),
        ("optimizer.weight_decay=-1", r"optimizer\.weight_decay=-1 .* at least 0"),
        ("data.batch_size=0", r"data\.batch_size=0 .* at least 1"),
        ("data.split=foo", r"data\.split=foo .* one of course, random, person_folds"),
        ("augment.mirror=1.5", r"augment\.mirror=1\.5 .* at most 1"),
        ("data.val_fraction=1", r"data\.val_fraction=1\.0 .* less than 1"),
        ("model.input_size=[160]", r"model\.input_size takes 2 numbers"),
        ("model.input_size=[160,0]", r"model\.input_size=.* at least 8"),
        ("data.fold=5", r"data\.fold=5 does not exist.* 0 to 4"),
        ("seed=-1", r"seed=-1 .* at least 0"),
        ("+data.colour=red", r"no setting data\.colour"),
    ],
)
def test_values_out_of_bounds_name_setting_value_and_bound(override, message):
    with pytest.raises(ConfigError, match=message):
        checked(composed(override))


def test_an_evaluation_knows_which_data_settings_are_given():
    assert checked(composed("ckpt_path=a", name="evaluate")).data == {}
    assert checked(composed("ckpt_path=a", "data.fold=1", name="evaluate")).data == {"fold": 1}
    stored = DataConfig("danes", root="there", persons=[1, 32], download=["http://localhost"])
    same = evaluated_data(stored, {"split": "all"})
    assert (same.name, same.root, same.persons, same.split, same.download) == ("danes", "there", [1, 32], "all", [])
    given = checked(composed("ckpt_path=a", "data=pts", "data.root=here", name="evaluate")).data
    other = evaluated_data(stored, given)
    assert (other.name, other.root, other.persons, other.split) == ("pts", "here", None, "random")
    with pytest.raises(ConfigError, match=r"data\.split=corse"):
        evaluated_data(stored, {"split": "corse"})


@pytest.mark.parametrize("overrides", [(), ("compare=[]",), ("ckpt_path=a", "compare=b")])
def test_evaluate_asks_for_one_thing_to_do(overrides):
    with pytest.raises(ConfigError, match=r"give one of ckpt_path=.* and compare="):
        checked(composed(*overrides, name="evaluate"))


@pytest.mark.parametrize(("given", "paths"), [("a/b", ["a/b"]), ("[a,b]", ["a", "b"]), ("[0,1]", ["0", "1"])])
def test_runs_to_compare_are_one_path_or_several(given, paths):
    assert checked(composed(f"compare={given}", name="evaluate")).compare == paths
