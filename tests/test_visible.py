"""Names, model cards and labels that would move a terminal's cursor, forge lines or reverse text, on each way out."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from PIL import Image
from rich.text import Text
from typer.testing import CliRunner

from conftest import command_line
from mnist_cnn import card
from mnist_cnn.callbacks import progress
from mnist_cnn.card import digest_of, text_of
from mnist_cnn.cli import app
from mnist_cnn.evaluation import html_report
from mnist_cnn.study.folder import Row
from mnist_cnn.system.visible import visible
from mnist_cnn.terminal import screen
from mnist_cnn.terminal.study import line_of

FIXTURE = Path(__file__).parent / "fixtures" / "format-2"
EVIL = "a\x1b]0;title\x07\x1b[2J\r\n\x9b31mforged: 9\u202egnp\u2066\u200bz\x85\u2028"
SHOWN = r"a\x1b]0;title\x07\x1b[2J\r\n\x9b31mforged: 9\u202egnp\u2066\u200bz\x85\u2028"
RAW = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff]")
run = CliRunner().invoke


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain – é日本😀 [bold] \\", "plain – é日本😀 [bold] \\"),
        (EVIL, SHOWN),
        ("\t\n\0\x7f", r"\t\n\x00\x7f"),
        (os.fsdecode(b"\xff\xfe.png"), r"\xff\xfe.png"),
        ("\ud800\udfff", r"\ud800\udfff"),
        ("\U000e0041", r"\U000e0041"),
        ("می\u200cخواهم 👩\u200d👧", "می\u200cخواهم 👩\u200d👧"),
        ("\N{NO-BREAK SPACE}", "\N{NO-BREAK SPACE}"),
    ],
)
def test_what_cannot_be_seen_is_written_as_in_a_string_of_python(text: str, shown: str) -> None:
    assert visible(text) == shown
    assert visible(shown) == shown


def test_several_lines_may_stay_several_lines() -> None:
    assert visible("one\ntwo\x1b", lines=True) == "one\ntwo\\x1b"


def test_every_way_to_print_on_a_console_shows_them(capsys: pytest.CaptureFixture[str]) -> None:
    for console in (screen.Results(), progress.SafeConsole()):
        console.print(EVIL, Text(EVIL, style="bold"), Text.assemble((EVIL, "red"), "b"), markup=False)
        console.print(screen.table_of([(EVIL, EVIL)]), soft_wrap=True)
        console.print(EVIL, style="red")
        console.write_line(EVIL)
    out = capsys.readouterr().out
    assert not RAW.search(out)
    assert out.count("a\\x1b]0;title") == 14  # a Text of Rich has dropped the bell


def test_styles_of_our_own_are_still_there(capsys: pytest.CaptureFixture[str]) -> None:
    console = progress.SafeConsole(force_terminal=True, color_system="standard")
    console.print(Text("bold", style="bold"), Text("\x1b[31m"))
    assert capsys.readouterr().out == "\x1b[1mbold\x1b[0m \\x1b[31m\n"


def test_notes_warnings_rows_and_layers_show_them(capsys: pytest.CaptureFixture[str]) -> None:
    progress.note(EVIL)
    progress.warn(EVIL)
    screen.show(line_of(Row(1, failure=EVIL)), Text(EVIL))
    said = capsys.readouterr()
    assert not RAW.search(said.out + said.err)
    assert f"seed   1  failed: {SHOWN}" in said.out
    assert SHOWN in said.err


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """A folder with images and files that are none, under names of all sorts."""
    folder = tmp_path / EVIL.replace("\0", "")
    folder.mkdir()
    for name in (b"plain.png", b"\xff\xfe\x80.png", b"\x1b[31mred\nname.png", "\u202egnp.png".encode()):
        Image.new("L", (40, 40), 255).save(folder / os.fsdecode(name))
    (folder / "bad\x1b[2J\n.png").write_bytes(b"junk")
    return folder


def test_names_of_images_are_shown(images: Path) -> None:
    for command in ("read", "explain"):
        for words in ([str(images)], [str(images), "--json"], [str(images / "bad\x1b[2J\n.png")]):
            done = subprocess.run(command_line(command, *words), capture_output=True, check=False)
            for said in (done.stdout.decode(), done.stderr.decode()):
                assert not RAW.search(said), (command, words, said)
                assert "Traceback" not in said
            if "--json" in words:
                names = {Path(one["path"]).name for one in json.loads(done.stdout)["images"]}
                assert "\x1b[31mred\nname.png" in names
                assert os.fsdecode(b"\xff\xfe\x80.png") in names
    lines = subprocess.run(command_line("read", images), capture_output=True, check=False).stdout.decode().splitlines()
    assert len(lines) == 4
    assert sum(line.endswith("/\\x1b[31mred\\nname.png:") for line in lines) == 1
    assert sum(line.endswith("/\\xff\\xfe\\x80.png:") for line in lines) == 1


def test_a_terminal_that_writes_only_ascii_is_no_traceback(images: Path) -> None:
    (images / "日本.png").write_bytes(b"junk")
    environment = os.environ | {"PYTHONIOENCODING": "ascii"}
    done = subprocess.run(command_line("read", images), capture_output=True, check=False, env=environment)
    assert b"Traceback" not in done.stderr
    assert b"\\u65e5\\u672c.png" in done.stderr


def test_a_wrong_command_line_is_shown(tmp_path: Path) -> None:
    for words in (["--\x1b[31mEVIL\n"], ["\x1b[31mEVIL"], ["read", "--\x1b[31mEVIL"]):
        done = run(app, words)
        assert done.exit_code == 2
        assert not RAW.search(done.output), done.output
        assert "\\x1b[31mEVIL" in done.output
    done = run(app, ["info", str(tmp_path / EVIL)])
    assert done.exit_code == 1
    assert not RAW.search(done.output)
    assert SHOWN in done.output


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """A saved model whose model card has such characters wherever a text may stand."""
    folder = Path(shutil.copytree(FIXTURE, tmp_path / "kept"))
    document = json.loads((folder / card.CARD).read_text())
    document["notes"] = [EVIL]
    document["data"] |= {"name": EVIL, "origin": EVIL, "warning": EVIL}
    for field in ("recipe", "versions", "machine"):
        document[field] |= {EVIL: EVIL}
    document |= {"created": EVIL, "git_commit": EVIL}
    (folder / card.CARD).write_text(text_of(document | {"digest": digest_of(document)}))
    return folder


def test_a_model_card_is_shown(kept: Path) -> None:
    done = run(app, ["info", str(kept)])
    assert done.exit_code == 0, done.output
    assert not RAW.search(done.output)
    assert done.output.replace("\n", "").count("\\x1b]0;title") >= 9
    done = run(app, ["info", str(kept), "--json"])
    assert not RAW.search(done.output)
    assert json.loads(done.output)["notes"] == [EVIL]


def test_a_report_shows_them() -> None:
    from test_report import DATA, page

    changes = {"notes": [EVIL], "machine": {EVIL: EVIL}, "versions": {EVIL: EVIL}, "git_commit": EVIL}
    html = page(name=EVIL, data=DATA | {"name": EVIL, "origin": EVIL, "warning": EVIL}, **changes).html
    assert not RAW.search(html)
    assert html.count("\\x1b]0;title") >= 8
    assert html_report.shown("\ud800") == "\\ud800"


def test_groups_of_labelled_images_are_shown(tmp_path: Path) -> None:
    Image.new("L", (40, 40), 255).save(tmp_path / "a.png")
    evil = EVIL.replace("\r\n", " ")
    (tmp_path / "labels.csv").write_text(
        f"path,label,source,kind,layout\na.png,,{evil},{evil},{evil}\na.png,,b,c,{evil}\n"
    )
    done = run(app, ["score", str(tmp_path / "labels.csv")])
    assert done.exit_code == 0, done.output
    assert not RAW.search(done.output)
    assert "\\x1b]0;title" in done.output
