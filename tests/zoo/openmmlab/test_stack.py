"""What breaks OpenMMLab on current packages, mended."""

from __future__ import annotations

import logging
import subprocess
import sys
import warnings
from pathlib import Path
from pickle import UnpicklingError

import pytest
import torch

from bench.machine import openmmlab
from bench.spec.errors import MissingExtra
from bench.zoo.openmmlab import stack


def run(script: str) -> str:
    command = [sys.executable, "-W", "error", "-c", script]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


REFUSED = """
import sys
from bench import zoo
from bench.tasks.complexity import measure
from bench.worker import main
from bench.zoo import timm_source
print([name for name in ("mmcv", "mmdet", "mmengine", "mmseg") if name in sys.modules])
import mmcv
mmcv.__version__ = "2.2.0"
try:
    import mmdet
except AssertionError as error:
    print(str(error).partition(" but ")[0])
from bench.zoo.openmmlab import stack
stack.start()
import mmdet, mmseg
print(mmcv.__version__, len(mmdet.registry.MODELS) > 0)
"""


def test_nothing_is_imported_by_itself_and_the_mmcv_with_wheels_for_current_torch_is_accepted() -> None:
    nothing, broken, mended = run(REFUSED).splitlines()
    # not before it is asked for
    assert nothing == "[]"
    assert (broken, mended) == ("MMCV==2.2.0 is used", "2.2.0 True")


def test_packages_are_found_without_pkg_resources() -> None:
    import mmdet
    import mmengine
    from mmengine.config import config
    from mmengine.utils import package_utils

    for module in (mmengine.utils, package_utils, config):
        assert module.get_installed_path("mmdet") == str(Path(mmdet.__file__).parent)
    assert package_utils.is_installed("mmcv-lite") is False
    assert package_utils.is_installed("mmdet") is True
    with pytest.raises(ModuleNotFoundError, match="no package nothing_at_all"):
        stack.get_installed_path("nothing_at_all")


def test_a_base_of_a_configuration_is_found_in_an_installed_package(tmp_path: Path) -> None:
    from mmengine.config import Config

    path = tmp_path / "one.py"
    path.write_text("_base_ = 'mmdet::_base_/models/mask-rcnn_r50_fpn.py'\n")
    assert Config.fromfile(str(path)).model.type == "MaskRCNN"


def test_files_of_mmengine_are_read_without_running_their_code(tmp_path: Path) -> None:
    from mmengine.logging import MessageHub
    from mmengine.runner.checkpoint import load_checkpoint, save_checkpoint

    hub = MessageHub.get_instance("a test of checkpoints")
    hub.update_scalar("train/loss", 0.5)
    layer = torch.nn.Linear(2, 3)
    path = tmp_path / "epoch_1.pth"
    content = {
        "meta": {"epoch": 1, "dataset_meta": {"classes": ("cat",)}},
        "state_dict": layer.state_dict(),
        "message_hub": hub.state_dict(),
    }
    save_checkpoint(content, str(path))
    # what mmengine would do by itself
    with pytest.raises(UnpicklingError, match=r"HistoryBuffer|getattr|_reconstruct"):
        torch.load(path, weights_only=True)
    other = torch.nn.Linear(2, 3)
    read = load_checkpoint(other, str(path), map_location="cpu")
    assert torch.equal(other.weight, layer.weight)
    assert read["meta"]["dataset_meta"] == {"classes": ("cat",)}


def test_a_file_that_could_run_code_is_refused_by_mmengine_too(tmp_path: Path) -> None:
    from mmengine.runner.checkpoint import CheckpointLoader

    path = tmp_path / "bad.pth"
    torch.save({"state_dict": subprocess.Popen}, path)
    with pytest.raises(UnpicklingError, match="Popen"):
        CheckpointLoader.load_checkpoint(str(path))
    with pytest.raises(FileNotFoundError, match=r"absent\.pth"):
        CheckpointLoader.load_checkpoint(str(tmp_path / "absent.pth"))


def test_the_optimizer_that_torch_brought_is_registered_under_another_name() -> None:
    from mmengine.registry import OPTIMIZERS

    # two of one name ended the import of older versions
    assert OPTIMIZERS.module_dict["TorchAdafactor"] is torch.optim.Adafactor
    assert OPTIMIZERS.module_dict["AdamW"] is torch.optim.AdamW


def test_without_the_extra_the_command_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openmmlab, "PACKAGES", ("torch", "no_such_package", "nor_this"))
    with pytest.raises(MissingExtra) as raised:
        stack.start("upernet-vim_tiny")
    assert str(raised.value) == (
        "upernet-vim_tiny needs no_such_package, nor_this, not installed here; run: pip install -e '.[dense]'"
    )


def test_quiet_gives_logging_and_warnings_back(capsys: pytest.CaptureFixture[str]) -> None:
    before = logging.root.manager.disable
    with stack.quiet():
        warnings.warn("of no use", stacklevel=1)
        sys.stdout.write("of no use")
    assert logging.root.manager.disable == before
    assert capsys.readouterr().out == ""
    with pytest.warns(UserWarning, match="of use"):
        warnings.warn("of use", stacklevel=1)
