"""The one document on stdout, and what happens when stdout takes no more."""

import json
import subprocess
import sys

import pytest

from benchbench.cli.main import run

_LIST = "import sys; from benchbench.cli.main import run; sys.exit(run(['list', '--json', '--out', sys.argv[1]]))"


def test_a_full_device_on_stdout_is_one_message_and_exit_3(tmp_path: object) -> None:
    with open("/dev/full", "w") as full:  # noqa: PTH123 - a device, not a path of ours
        command = [sys.executable, "-P", "-c", _LIST, str(tmp_path)]
        answer = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert answer.returncode == 3
    assert (
        answer.stderr.splitlines()[-1]
        == "error: standard output: the document cannot be written: No space left on device"
    )
    assert "Traceback" not in answer.stderr


def test_a_reader_that_left_is_no_error_message(tmp_path: object) -> None:
    command = [sys.executable, "-P", "-c", _LIST, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        said = process.stderr.read()
        process.wait()
    assert "Traceback" not in said


@pytest.mark.parametrize("arguments", [["list"], ["doctor"]])
def test_with_json_stdout_holds_one_document_alone(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:

    assert run([*arguments, "--json"]) == 0
    assert isinstance(json.loads(capsys.readouterr().out), dict)
