# %% [markdown]
# # 2. Why it fails on your own photo, and what fixes it
#
# *Second of a course of four:* 1 step by step · **2 your own photo** · 3 how confident is it · 4 faster and smaller
#
# A network with 98% on its test images is shown a photo of a digit, and is wrong four times out of five. That happens
# to almost everyone who trains their first model. In this notebook you see why, and mend it one step at a time: first
# the image, then the training. It runs in less than a minute on two cores.

# %%
import cv2
import matplotlib.pyplot as plt
import numpy as np

import mnist_cnn
from mnist_cnn.data import glyphs, pens, strokes, variation

# %% [markdown]
# ## A model that is good on its test images
#
# The recipe `fast` on scikit-learn's digits (`"mnist"` instead of `"digits"` for MNIST). `DigitClassifier` is a
# scikit-learn estimator: `fit`, `predict`, `predict_proba`.

# %%
(x_train, y_train), (x_test, y_test) = mnist_cnn.load_data("digits")
training = {"epochs": 10, "batch_size": 50, "learning_rate": 0.01, "label_smoothing": 0.0}
plain = mnist_cnn.DigitClassifier("fast", **training).fit(x_train, y_train)
print(mnist_cnn.evaluate(plain.predict_proba(x_test), y_test))

# %% [markdown]
# ## Photos
#
# Two hundred of them, made by code so that this notebook needs no files: a digit is a path of pen strokes, written a
# little differently each time, in grey ink on paper with some grain, brighter on one side than on the other, never
# quite in the middle. A real photo is harder.


# %%
def written(digit, rng, width=5.0):
    """A digit written with a pen of so many pixels: (84, 84), from 0, no ink, to 255."""
    ways = glyphs.DIGITS[digit]
    path = variation.unit_box(strokes.parsed(ways[rng.integers(min(3, len(ways)))]))
    path = pens.on_canvas(variation.rewritten(path, rng))
    return pens.drawn(path, [np.full(len(stroke), width) for stroke in path])


def photographed(ink, rng):
    """Ink on paper under uneven light: (120, 160) uint8, from 0, black, to 255, white."""
    light = np.linspace(*rng.uniform(140, 250, 2), 160)
    paper = light + rng.normal(0, 4, (120, 160))
    height, width = ink.shape
    top, left = rng.integers(0, 120 - height), rng.integers(0, 160 - width)
    paper[top : top + height, left : left + width] *= 1 - 0.6 * ink / 255
    return paper.clip(0, 255).astype(np.uint8)


rng = np.random.default_rng(0)
digits = np.arange(200) % 10
photos = [photographed(written(digit, rng), rng) for digit in digits]


def show(images, titles, size=1.2, **how):
    """Show images in a row, each with its title."""
    _, axes = plt.subplots(1, len(images), figsize=(size * len(images), size + 0.2), squeeze=False)
    for axis, image, title in zip(axes[0], images, titles, strict=True):
        axis.imshow(image, cmap="gray", **how)
        axis.set_title(title, fontsize=8)
        axis.axis("off")
    plt.show()


show(photos[:8], digits[:8], vmin=0, vmax=255)

# %% [markdown]
# ## First try: shrink it to 28×28
#
# The model wants 28×28 pixels, so the photo is shrunk. It does not complain: a classifier gives any image ten
# probabilities. But most of its answers are wrong, and it may be very confident of them.


# %%
def shrunk(photo):
    """The whole photo with 28×28 pixels."""
    return cv2.resize(photo, (28, 28), interpolation=cv2.INTER_AREA)


def predictions(model, images):
    """The predicted digits, and how confident the model is of each."""
    probabilities = model.predict_proba(np.stack(images))
    return probabilities.argmax(axis=1), probabilities.max(axis=1)


def report(step, images):
    """Print the accuracy, and show what the model is given of the first photos and what it answers."""
    predicted, confidence = predictions(plain, images)
    print(f"{step}: {(predicted == digits).mean():.1%} correct, mean confidence {confidence.mean():.1%}")
    show(images[:8], [f"{one}: {sure:.0%}" for one, sure in zip(predicted[:8], confidence, strict=False)])


report("shrunk", [shrunk(photo) for photo in photos])

# %% [markdown]
# Compare these with what it was trained on:

# %%
show(x_train[:8], [f"label {one}" for one in y_train[:8]])

# %% [markdown]
# Everything is different: black on white instead of white on black, a background that is not 0, and a digit that is
# smaller and somewhere else. **A network knows only what its training images look like.**
#
# ## Second try: invert
#
# White digits on black: subtract from 255. Better to look at, but the background is grey now.


# %%
report("inverted", [255 - shrunk(photo) for photo in photos])

# %% [markdown]
# ## Third try: remove the background
#
# What is paper? The median of a large neighbourhood, since less than half of it is ink. What is darker than that is
# ink; what is left is stretched to the full range, and small differences, which are grain, become 0.


# %%
def ink_of(photo):
    """The ink of a photo: 0 where there is paper, to 255 where it is darkest; as large as the photo."""
    paper = cv2.medianBlur(photo, 61)
    ink = paper.astype(float) - photo
    ink = ink / ink.max()
    return (255 * np.where(ink > 0.35, ink, 0)).astype(np.uint8)


report("background removed", [shrunk(ink_of(photo)) for photo in photos])

# %% [markdown]
# ## Fourth try: crop and centre as MNIST does
#
# MNIST's digits were all prepared in the same way ([LeCun et al.
# 1998](http://yann.lecun.com/exdb/publis/pdf/lecun-98.pdf)): cut out, scaled until the longer side is 20 pixels, and
# moved until the *centre of mass* of the ink is in the middle of 28×28 pixels. So the model has to see yours prepared
# in the same way.


# %%
def centred(ink):
    """Cut out the ink, scale its longer side to 20 pixels, and move its centre of mass to the middle of 28×28."""
    left, top, width, height = cv2.boundingRect(ink)
    scale = 20 / max(width, height)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(ink[top : top + height, left : left + width], size, interpolation=cv2.INTER_AREA)
    rows, columns = np.indices(small.shape)
    down = round(14 - (rows * small).sum() / small.sum())
    right = round(14 - (columns * small).sum() / small.sum())
    image = np.zeros((28, 28), np.uint8)
    down, right = np.clip([down, right], 0, [28 - size[1], 28 - size[0]])
    image[down : down + size[1], right : right + size[0]] = small
    return image


prepared = [centred(ink_of(photo)) for photo in photos]
report("cropped and centred", prepared)

# %% [markdown]
# Now the images look like those that it knows, and it is correct more often. But it is still far from its accuracy on
# the test images.
#
# ## What is left: other handwriting and other pens
#
# The training images were written by 13 people, on the same pad, and are blurred by enlargement. Your pen is thinner,
# and your 1 or 7 may have other strokes. Preparing the image cannot mend that; training can. **Augmentation** changes
# every training image at random each time that it is used, so that the model learns what does not matter: a slant, a
# shift, a little rotation. **Restyling** goes further and redraws them with other strokes, widths and wear.

# %%
changes = {"rotation": 10, "zoom": 0.1, "shear": 0.2, "translation": 1, "elastic": 1, "restyle": 0.7}
varied = mnist_cnn.DigitClassifier("fast", **training, **changes).fit(x_train, y_train)
print(mnist_cnn.evaluate(varied.predict_proba(x_test), y_test))

# %% [markdown]
# The third model is the one that comes with the package. It is larger, it was trained on MNIST, on recorded pen
# strokes of other people and on images that are not digits, and its first layer removes a grey background by itself.

# %%
bundled = mnist_cnn.load("robust")
steps = {
    "shrunk": [shrunk(photo) for photo in photos],
    "inverted": [255 - shrunk(photo) for photo in photos],
    "background\nremoved": [shrunk(ink_of(photo)) for photo in photos],
    "cropped,\ncentred": prepared,
}
models = {"plain training": plain, "with augmentation": varied, "bundled model": bundled}
accuracies = {
    name: [(predictions(model, images)[0] == digits).mean() for images in steps.values()]
    for name, model in models.items()
}
figure, axis = plt.subplots(figsize=(7, 3))
for index, (name, values) in enumerate(accuracies.items()):
    bars = axis.bar(np.arange(4) + 0.27 * (index - 1), values, width=0.25, label=name)
    axis.bar_label(bars, [f"{value:.0%}" for value in values], fontsize=7)
axis.set_xticks(range(4), steps)
axis.set_ylabel("accuracy on the photos")
axis.legend(fontsize=8)
plt.show()

# %% [markdown]
# Each step counts, and the training as much as the image.
#
# ## All of it in one line
#
# `mnist_cnn.read` does the steps above on any image, with a network in place of the median, and without being told
# that there is one digit: it finds out where they are, how many, and which are uncertain. `mnist-cnn read photo.jpg`
# is the same on the command line.

# %%
texts = [mnist_cnn.read(photo).text for photo in photos[:30]]
print(sum(text == str(digit) for text, digit in zip(texts, digits, strict=False)), "of 30 photos correct")

number = np.hstack([written(digit, rng)[:, 8:76] for digit in (4, 0, 7)])
paper = cv2.resize(photographed(number[::2, ::2], rng), (320, 240), interpolation=cv2.INTER_CUBIC)
reading = mnist_cnn.read(paper)
figure, axis = plt.subplots(figsize=(4, 3))
axis.imshow(paper, cmap="gray", vmin=0, vmax=255)
for digit in reading.digits:
    box = digit.box
    axis.add_patch(plt.Rectangle((box.left, box.top), box.width, box.height, fill=False, color="tab:orange"))
    axis.text(box.left, box.top - 4, f"{digit.text}: {digit.confidence:.0%}", color="tab:orange", fontsize=9)
axis.set_title(f"read: {reading.text}", fontsize=9)
axis.axis("off")
plt.show()

# %% [markdown]
# ## Exercises
#
# 1. Chalk on a blackboard: invert the photos (`255 - photo`) and run the fourth step again. Which of its assumptions
#    is broken? Write a version of `ink_of` that works for both.
# 2. Draw the digits with thinner and thicker pens (`written(digit, rng, width)`, from 2 to 12) and measure the three
#    models on the prepared images. For which is the width of the pen most important?
# 3. Photograph a digit of your own and read it, with `mnist_cnn.read("photo.jpg")` and with your own steps. Where do
#    they differ?
#
# Try them before you read on.
#
# ## Answers
#
# **1.** `ink_of` assumes that ink is darker than paper. Most of a photo is paper, so its median is the paper's
# brightness; ink is on the side where the pixels are that are furthest from it.


# %%
def ink_of_either(photo):
    """The ink of a photo, whether it is darker than the paper or brighter."""
    paper = cv2.medianBlur(photo, 61).astype(float)
    darker, brighter = (paper - photo).max(), (photo - paper).max()
    return ink_of(photo if darker > brighter else 255 - photo)


boards = [255 - photo for photo in photos]
for name, function in (("ink_of", ink_of), ("ink_of_either", ink_of_either)):
    images = [centred(function(photo)) for photo in boards]
    print(f"{name:14} on blackboards: {(predictions(varied, images)[0] == digits).mean():.1%} correct")

# %% [markdown]
# **2.** The model with plain training gains most from a thicker pen, like that of its training images. It stays far
# below the others, since the strokes are not the same either; these hardly depend on the pen.

# %%
widths = (2, 3, 4.5, 6, 8, 10, 12)
figure, axis = plt.subplots(figsize=(5, 2.8))
for name, model in models.items():
    values = []
    for width in widths:
        rng = np.random.default_rng(1)
        images = [centred(written(digit, rng, width)) for digit in digits]
        values.append((predictions(model, images)[0] == digits).mean())
    axis.plot(widths, values, marker="o", label=name)
axis.set_xlabel("width of the pen (a digit is 60 pixels high)")
axis.set_ylabel("accuracy")
axis.legend(fontsize=8)
plt.show()

# %% [markdown]
# **3.** Typical differences: a shadow or the edge of the paper is taken for ink by a median, ruled lines are, and two
# digits that stand in the same photo are centred together. `mnist-cnn explain photo.jpg` shows what the model was
# given of each digit and why it decided so; `mnist-cnn adapt` learns your handwriting from about thirty labelled
# images.
