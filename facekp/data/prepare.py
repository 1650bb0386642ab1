"""Preparation of the data: a given folder, or else a download, or else drawn faces."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from rich.panel import Panel

from facekp.config import DataConfig
from facekp.utils.errors import DataError
from facekp.utils.terminal import console

STANDIN_NAME = "stand-in faces"


def prepare_data(config: DataConfig) -> DataConfig:
    """Make sure that there is a data set.

    A ``root`` that is set is used. Otherwise the set is downloaded into ``folder``, unless it is there already; if that
    fails and ``on_missing`` allows it, stand-in faces are drawn there instead, with a notice.

    Returns:
        The settings with ``root`` set, and with the ``name`` of the stand-in faces if they are used.

    Raises:
        DataError: if the download failed, or the folder has other content.
    """
    if config.root is not None:
        return config
    reason = "they were asked for"
    if config.download:
        from facekp.data.download.danes import download_danes

        place = Path(config.folder) / "danes"
        try:
            return replace(config, root=str(download_danes(place, config.download)))
        except DataError:
            if config.on_missing == "error" or place.exists():
                raise
            reason = "the Danes set could not be downloaded; FACEKP_DANES or data.root can name its folder"
    return config if config.on_missing == "error" else _drawn(config, reason)


def _drawn(config: DataConfig, reason: str) -> DataConfig:
    from facekp.data.synthetic.dataset import make_standin

    root = make_standin(Path(config.folder) / f"standin-{config.people}", config.people)
    out = console(stderr=True)
    text = f"These are drawn faces, not photographs ({reason}). What is measured on them says nothing about real faces."
    out.print(Panel(text, title="STAND-IN FACES", border_style="bold yellow", width=min(out.width, 100)))
    return replace(config, name=STANDIN_NAME, root=str(root))
