"""Templates of forms: made, saved and loaded, and one clear sentence for each thing that is wrong with one."""

import base64
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mnist_cnn import FormField, FormTemplate
from mnist_cnn.errors import TemplateError
from mnist_cnn.sheets import template as module
from sheets import FIELDS, FORM, blank_form, template_of


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    made: dict[str, Any] = json.loads(template_of().to_json())
    return made


def test_a_template_is_saved_and_loaded(tmp_path: Path) -> None:
    made = template_of({"date": "date"})
    made.save(tmp_path / "template.json")
    again = FormTemplate.load(tmp_path / "template.json")
    assert again == made
    assert again.sha256 == made.sha256
    assert (again.width, again.height, again.names) == (*FORM, list(FIELDS))
    assert again.fields[0].places == 6
    assert again.fields[1].expect == "date"
    assert np.array_equal(again.grey, blank_form())
    with pytest.raises(TemplateError, match="already exists and nothing is overwritten"):
        made.save(tmp_path / "template.json")


def test_boxes_are_in_pixels_of_the_scan_however_large_it_was() -> None:
    large = Image.fromarray(blank_form()).resize((2700, 3600))
    made = FormTemplate.of(large, [FormField("a", (300, 600, 900, 150))])
    assert (made.width, made.height) == (2700, 3600)
    assert max(made.grey.shape) == 1600
    assert made.boxes[0] == pytest.approx(np.array([300, 600, 1200, 750]) / 2.25)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"format": "other"}, "no template of a form"),
        ({"version": 2}, "has version 2, of which nothing is known"),
        ({"version": "1"}, "version is '1', not a whole number"),
        ({"width": 0}, "width is 0, not a whole number from 1"),
        ({"width": True}, "width is True, not a whole number"),
        ({"height": float("nan")}, "height is nan, not a whole number"),
        ({"width": 10**30}, "width is 1000000"),
        ({"width": 300}, "is not inside the reference scan (300 × 1,200 pixels)"),
        ({"width": 1800}, "has not the proportions of the reference scan"),
        ({"image": 7}, "image is 7, not a text"),
        ({"image": "no base64!"}, "not written in Base64"),
        ({"image": base64.b64encode(b"GIF89a").decode()}, "image of the template cannot be used"),
        ({"image": None}, "image is null, not a text"),
        ({"fields": []}, "has 1 to 300 fields (got 0)"),
        ({"fields": {}}, "fields is a mapping, not a list"),
        ({"fields": [7]}, "fields[0] is 7, not a mapping"),
    ],
)
def test_what_is_wrong_is_one_sentence(document: dict[str, Any], change: dict[str, Any], sentence: str) -> None:
    with pytest.raises(TemplateError) as raised:
        FormTemplate.from_json(json.dumps(document | change))
    assert sentence in str(raised.value)
    assert len(str(raised.value)) < 400


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"name": ""}, "cannot be called ''"),
        ({"name": "a\nb"}, "cannot be called"),
        ({"name": "Error"}, "cannot be called 'Error'"),
        ({"name": "a" * 81}, "not a text of at most 80 characters"),
        ({"name": "date"}, "Two fields are called 'date'"),
        ({"box": [1, 2, 3]}, "has 3 items, not 4"),
        ({"box": [1, 2, 3.5, 9]}, "not a whole number"),
        ({"box": [-1, 2, 30, 9]}, "not a whole number from 0"),
        ({"box": [1, 2, 3, 90]}, "narrower than 4 pixels"),
        ({"box": [1, 2, 0, 90]}, "A region is x,y,width,height"),
        ({"box": [800, 2, 101, 90]}, "is not inside the reference scan"),
        ({"box": [1, 2, 10**12, 90]}, "not a whole number from 0 to"),
        ({"expect": "(a+)+"}, "might take for ever"),
        ({"expect": "nonsense"}, "no pattern that is known"),
        ({"expect": 7}, "expect is 7, not a text"),
        ({"places": 0}, "places is 0, not a whole number from 1 to 64"),
        ({"places": 65}, "places is 65"),
        ({"places": 2.5}, "places is 2.5"),
    ],
)
def test_what_is_wrong_with_a_field_is_one_sentence(
    document: dict[str, Any], change: dict[str, Any], sentence: str
) -> None:
    first, *others = document["fields"]
    with pytest.raises(TemplateError) as raised:
        FormTemplate.from_json(json.dumps(document | {"fields": [first | change, *others]}))
    assert sentence in str(raised.value)


def test_templates_are_bounded(document: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    field = {"name": "a", "box": [0, 0, 90, 9], "places": 64}
    many = [field | {"name": str(index)} for index in range(301)]
    with pytest.raises(TemplateError, match="has 301 items, not at most 300"):
        FormTemplate.from_json(json.dumps(document | {"fields": many}))
    with pytest.raises(TemplateError, match="more than 2,000 places"):
        FormTemplate.from_json(json.dumps(document | {"fields": many[:40]}))
    for content in ("[" * 100_000, '{"a":' * 100_000, "", "nothing", "7", "[]"):
        with pytest.raises(TemplateError, match="It is no "):
            FormTemplate.from_json(content)
    deep: Any = document
    for _ in range(300):
        deep = {"a": deep}
    with pytest.raises(TemplateError, match="It is no template"):
        FormTemplate.from_json(json.dumps(document | {"more": deep}))
    (tmp_path / "large.json").write_text(json.dumps(document))
    monkeypatch.setattr(module, "MOST_BYTES", 1000)
    with pytest.raises(TemplateError, match="larger than"):
        FormTemplate.load(tmp_path / "large.json")


def test_an_image_that_costs_too_much_to_decode_is_none(document: dict[str, Any]) -> None:
    stream = io.BytesIO()
    Image.new("1", (20_000, 20_000)).save(stream, "PNG")
    bomb = base64.b64encode(stream.getvalue()).decode()
    with pytest.raises(TemplateError, match="image of the template cannot be used"):
        FormTemplate.from_json(json.dumps(document | {"image": bomb}))


@pytest.mark.parametrize("place", ["nowhere.json", ".", "a\0b"])
def test_a_template_that_cannot_be_read_is_one_sentence(tmp_path: Path, place: str) -> None:
    with pytest.raises(TemplateError, match="cannot be read"):
        FormTemplate.load(f"{tmp_path}/{place}")
