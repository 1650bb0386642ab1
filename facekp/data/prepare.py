"""Make sure that there are faces: the folder that was named, else a download, else drawn ones."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from rich.panel import Panel

from facekp.config import DataConfig
from facekp.utils.errors import DataError
from facekp.utils.terminal import console

STANDIN_NAME = "stand-in faces"


def prepare_data(config: DataConfig) -> DataConfig:
    """Find or get the data set.

    A ``root`` that is set is taken as it is. Otherwise the set is downloaded into ``folder``, where it is found the
    next time; if that fails and ``on_missing`` allows it, stand-in faces are drawn there instead, with a notice.

    Returns:
        The settings with ``root`` set to what there is, and with ``name`` saying so if that is stand-in faces.

    Raises:
        DataError: if the download failed, or the folder holds something else.
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
