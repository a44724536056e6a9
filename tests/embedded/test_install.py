"""When `.venv` counts as ready. That it installs is shown by every fresh clone."""

from pathlib import Path

import pytest

from circletel.embedded import install


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository whose `.venv` was just made for `dev`."""
    move_to(tmp_path, monkeypatch)
    (tmp_path / "requirements").mkdir()
    for name in ("run", "dev"):
        (tmp_path / "requirements" / f"{name}.txt").write_text(f"{name}==1\n")
    install.VENV_PYTHON.parent.mkdir(parents=True)
    install.VENV_PYTHON.touch()
    install.note_installed("dev")
    return tmp_path


def move_to(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(install, "REPOSITORY", folder)
    monkeypatch.setattr(install, "VENV", folder / ".venv")
    monkeypatch.setattr(install, "STAMP", folder / ".venv" / "installed.json")
    monkeypatch.setattr(install, "VENV_PYTHON", folder / ".venv" / "bin" / "python")


def test_dev_holds_all_that_run_needs(repository: Path) -> None:
    assert install.is_installed("dev")
    assert install.is_installed("run")


def test_run_is_not_enough_for_dev(repository: Path) -> None:
    install.STAMP.unlink()
    install.note_installed("run")

    assert install.is_installed("run")
    assert not install.is_installed("dev")


def test_other_requirements_are_installed_again(repository: Path) -> None:
    (repository / "requirements" / "run.txt").write_text("run==2\n")

    assert not install.is_installed("run")


def test_a_moved_venv_is_made_again(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = repository.with_name(repository.name + "-moved")
    repository.rename(elsewhere)

    move_to(elsewhere, monkeypatch)

    assert not install.is_installed("run")
    assert not install.is_usable()


def test_a_broken_stamp_is_no_stamp(repository: Path) -> None:
    install.STAMP.write_text("{")

    assert not install.is_installed("run")
