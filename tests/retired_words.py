"""Words that are not said to users any more, each with the field's word for it; test_vocabulary.py looks for them.

A pattern is matched in any case and as whole words; a space in it stands for any white space, line breaks included.
Only what is wrong wherever it stands is listed: a word that is sometimes right is left to the reader of a change.
"""

import re
from collections.abc import Iterator

# Also wrong in `code`: commands, options, parameters, names, files.
NAMES = {
    r"mnist-cnn disputes|`disputes`|disputes\.json": "label-errors, label_errors.json",
    r"--out|(?<!\.)out=": "--output, output=",
    r"--jobs|jobs=": "--workers, workers=",
    r"--input(?!-)": "--input-dtype",
    r"--bend|bend=": "--elastic, elastic=",
    r"--variants|variants=": "--restyle, restyle=",
    r"--nondigits|nondigits=": "--negatives, negatives=",
    r"--scaling|scaling=": "--zoom, zoom=",
    r"--shift|shift=": "--translation, translation=",
    r"--passes|passes=": "--repeats, repeats=",
    r"--plain-epochs|plain_epochs=": "--final-plain-epochs, final_plain_epochs=",
    r"quantis(?:e|es|ed|ing|ation)": "quantize",
    r"with_dials": "replace",
    r"classifier_of": "model.predict_proba",
    r"TerminalWatch": "ProgressCallback",
    r"Picture(?:Format|TooLarge)?Error": "ImageError, ImageFormatError, ImageTooLargeError",
    r"FormError": "ExportFormatError",
    r"(?-i:Disputes)": "LabelErrors",
    r"Digit\.foreign": "Digit.non_digit_probability",
    r"judge\(": "evaluate(",
}

# Wrong in sentences. What stands in `code` may still be called so inside the program.
PHRASES = {
    # what is trained, saved and measured
    r"judge[ds]?|judging|judge?ments?": "evaluate, evaluation",
    r"dials?": "hyperparameter; option on the command line",
    r"kept networks?|networks? (?:that (?:is|was|are|were) )?kept|keeps? (?:the|a) networks?": "saved model",
    r"what is kept|all that is kept": "the saved files, what is saved",
    r"(?:that|as it|what) ships|ships inside": "the bundled model",
    r"(?<!model[\s-])(?<!export\s)(?<!graphics\s)(?-i:cards?)": "model card",
    r"vouch(?:es|ed)?": "is listed in the model card",
    r"first weights": "initial weights, initialisation",
    r"last weights": "final weights",
    r"(?:held|kept|keeps?|put) aside": "held out",
    r"kept to validate": "held out for validation",
    r"gone over": "epochs, repeats",
    r"(?:learn|learn(?:t|ed|ing|s)) by heart": "overfitting",
    r"data sets?": "dataset",
    r"light install(?:ation)?": "base install",
    r"(?:to )?the same bits|to the letter|to the (?:last )?bit": "bit-for-bit, exactly",
    r"trains? for a moment|trained for a moment": "smoke-test training",
    r"teach(?:es|ing)? (?:it|a network|a model) (?:a|one|your)": "adapt, train",
    r"(?:a|this|one's|one person's|person's|writer's|other) hands?(?!-)": "handwriting",
    # what was read, and how well
    r"reads? as(?!\s\s| (?:a|text|bytes)\b)": "predicted as",
    r"rightly|wrongly": "correctly, incorrectly",
    r"reads? right|right among|got right": "correct",
    r"(?<!by\s)mistakes?": "error",
    r"who was read as whom": "confusion matrix",
    r"refus(?:e[sd]?|ing|als?)": "reject (abstain)",
    r"surest|surer|sureness|(?:how|less|least|more|most) sure|[\d.]+ ?% sure": "most confident, confidence",
    r"boast(?:s|ed|ing)?": "overconfident",
    r"(?:95|0) ?% intervals?": "95% confidence interval (CI)",
    r"[\d.,]+\s+%": "no space: 98.96%",
    r"[\d.,]+ points?": "percentage points",
    r"(?-i:sd)": "SD",
    r"area under (?:ROC|risk.coverage)": "area under the ROC curve (AUROC); AURC",
    r"(?:is|are|was|were) no digits?": "is not a digit (non-digit)",
    r"knowing what it does not know": "selective prediction",
    r"network alone|alone, by the network": "without preprocessing",
    r"where it look(?:s|ed)": "occlusion map, evidence for and against",
    r"makes? it another": "counterfactual",
    # images
    r"pictures?": "image; photo for a photograph; figure in a document",
    r"kinds? of damage|damaged (?:digits?|images?|pictures?)": "corruption, corrupted (a file is corrupt)",
    r"distorted": "augmented",
    r"five columns": "five sub-networks",
    r"(?:nine|all) views": "test-time augmentation",
    r"ink 255|paper 0|paper is 0": "white digit on black (foreground 255, background 0)",
    r"tak(?:es?|ing) (?:off paper|paper off)": "removes the background (top-hat)",
    # how it is said
    r"(?:go|goes|went|gone) on": "resume, continue",
    r"anew": "again; restarted",
    r"manners?": "style, format, way",
    r"(?:\d+(?:[.,]\d+)*|second|minute|images?|requests?|updates?|seconds|minutes|times|passes|steps|much)"
    r" an? (?:second|minute|epoch|seed|image|update|request|run)": "per second, per epoch, per seed",
    r"(?:read|reads|reading|many|images) side by side": "in parallel",
    r"processor seconds|seconds of processor": "CPU seconds",
    r"is there already|already there": "already exists",
    r"(?:could|can) ?not be had|to be had": "could not be obtained, not available",
    r"whoever|whomever|nobody": "say it plainly, without this word",
    r"\w+, too(?=[.;:)])": "also",
    r"sooner ready": "faster",
    r"any host of files|hosts? of files": "any static host",
    r"of ours": "our, or leave it out",
    r"strangers?": "untrusted",
}


SPACE = r"\\s+"


def compiled(table: dict[str, str]) -> list[tuple[re.Pattern[str], str]]:
    """The patterns of a table: whole words, which are no part of a path or of a file's name."""
    return [
        (re.compile(rf"(?<![\w/])(?:{re.sub(' (?![?])', SPACE, pattern)})(?!\w|\.\w|/\w)", re.IGNORECASE), instead)
        for pattern, instead in table.items()
    ]


EVERYWHERE = compiled(NAMES)
IN_SENTENCES = compiled(PHRASES)


def retired(text: str, sentences: str | None = None) -> Iterator[tuple[int, str, str]]:
    """Where a retired word stands, the word, and what to say instead, for each of them, in order.

    `sentences` is the same text, as long, without what is not a sentence; by default everything is one.
    """
    found = [
        (match.start(), " ".join(match[0].split()), instead)
        for patterns, where in ((EVERYWHERE, text), (IN_SENTENCES, text if sentences is None else sentences))
        for pattern, instead in patterns
        for match in pattern.finditer(where)
    ]
    yield from sorted(found)
