# %% [markdown]
# # A tour: from data to reading your own digit
#
# Seven steps, half a minute: load, look, train, judge, keep, read, explain. All of it on the 1,797 small digits that
# come with scikit-learn, so no network is needed; with `"mnist"` instead of `"digits"` it is MNIST, and takes longer.
#
# It needs the package with what trains: `pip install "mnist-cnn[train]"`. The same as a script is `examples/tour.py`,
# the same as a notebook `notebooks/tour.ipynb`.

# %%
import matplotlib.pyplot as plt
import numpy as np
from PIL import Image, ImageDraw

import mnist_cnn

# %% [markdown]
# ## 1. Load
#
# A data set is a training part and a test part of uint8 images, 28×28, ink 255 on paper 0, with their labels. The
# test part is there to judge what was trained, and for nothing else.

# %%
data = mnist_cnn.load_data("digits")
print(f"{len(data.train):,} images to train on, {len(data.test):,} to judge by")
print(data.train.images.shape, data.train.images.dtype, "labels", data.train.labels[:10])


# %% [markdown]
# ## 2. Look
#
# Before anything else: what do they look like? People write ones and sevens, fours and nines more alike than one may
# think.


# %%
def show(images, titles):
    """Show a few images in a row, each with its title."""
    figure, places = plt.subplots(1, len(images), figsize=(1.1 * len(images), 1.5), squeeze=False)
    for place, image, title in zip(places[0], images, titles, strict=True):
        place.imshow(image, cmap="gray_r", vmin=0, vmax=255)
        place.set_title(title, fontsize=9)
        place.axis("off")
    plt.show()
    plt.close(figure)


show(data.train.images[:10], data.train.labels[:10])

# %% [markdown]
# ## 3. Train
#
# A recipe is a network and every dial of its training. This is the small network of the recipe `fast`, which goes
# over all images thirty times and never sees one twice alike: each is turned, slanted, moved and bent a little.
# `mnist-cnn info` lists the recipes and their dials.

# %%
recipe = mnist_cnn.Recipe(
    name="fast",
    epochs=6,
    repeats=5,
    batch_size=100,
    optimizer="adam",
    learning_rate=0.01,
    schedule="linear",
    warm_up=0.25,
    validation_split=0.0,
    dropout=0.0,
    rotation=10,
    zoom=0.1,
    shear=0.1,
    translation=1,
    elastic=1,
)
artifact = mnist_cnn.train(recipe, "digits")
for epoch in artifact.card.history:
    print(f"epoch {epoch['epoch']:.0f}: {epoch['accuracy']:.1%} of the training images, {epoch['seconds']:.1f} s")

# %% [markdown]
# ## 4. Judge
#
# A classifier is a function: images in, ten probabilities for each out. On 500 test images the accuracy is uncertain
# by itself: the 95 % interval says how much. The confusion matrix has a row for each true digit and a column for what
# was read, and the images that were misread say more than any number.

# %%
classify = mnist_cnn.classifier_of(artifact)
probabilities = classify(data.test.images)
judged = mnist_cnn.evaluate(probabilities, data.test.labels)
low, high = judged.interval
print(f"{judged.correct} of {judged.count} right: {judged.accuracy:.1%}, 95 % interval {low:.1%} to {high:.1%}")
print(judged.confusion_matrix)

# %%
surest_first = np.argsort(-probabilities.max(axis=1))
wrong = [index for index in surest_first if probabilities[index].argmax() != data.test.labels[index]][:8]
unsure = surest_first[-8:]
shown = wrong or unsure  # where nothing was misread, what it was least sure of
show(
    data.test.images[shown],
    [f"{data.test.labels[index]} read as {probabilities[index].argmax()}" for index in shown],
)

# %% [markdown]
# ## 5. Keep
#
# Training has kept everything already, in a folder of `runs/`: the network for Keras and for ONNX Runtime, a card
# that says how it was made and how good it is, and a report for the browser. Loading it again verifies every file.

# %%
kept = mnist_cnn.load(artifact.folder)
print(kept.folder, "has", ", ".join(sorted(file.name for file in kept.folder.iterdir())))
print(f"recipe {kept.card.recipe['name']}, {kept.card.parameters:,} parameters, seed {kept.card.seed}")

# %% [markdown]
# ## 6. Read your own digit
#
# A picture of your own: draw it here with lines, or give a photo's name instead. Any size, colour and light will do,
# and several digits, too; the reader finds them, makes each look like MNIST's, and asks the network.

# %%
drawing = Image.new("RGB", (280, 280), "white")
pen = ImageDraw.Draw(drawing)
pen.line([(85, 75), (120, 52), (165, 60), (178, 95), (160, 125), (122, 137)], fill="navy", width=16, joint="curve")
pen.line([(122, 137), (168, 150), (186, 185), (168, 222), (120, 234), (82, 214)], fill="navy", width=16, joint="curve")
picture = drawing  # or a photo: picture = "photo.jpg"

reader = mnist_cnn.Reader(artifact.folder)
reading = reader.read(picture)
print("The network of this tour reads", reading.text)
print("The one that ships reads", mnist_cnn.Reader().read(picture).text)
show([digit.image for digit in reading.digits], [f"{digit.text}: {digit.confidence:.0%}" for digit in reading.digits])

# %% [markdown]
# Where it is less sure than 50 %, the text has "?"; `Reader(min_confidence=0.9)` refuses more. The network that ships
# was trained to read other people's photos and scans; the one of this tour knows 1,297 small digits of 13 people.
#
# ## 7. Explain
#
# What counts is found by hiding: a place matters as much as the confidence falls when it is covered. And what would
# have to change for another digit?

# %%
reasons = reader.explain(picture).reasons[0]
print(reasons.sentence)
strongest = abs(reasons.importance).max()
figure, (seen, looked) = plt.subplots(1, 2, figsize=(4, 2.2))
seen.imshow(reasons.image, cmap="gray_r")
seen.set_title("what the network saw", fontsize=9)
looked.imshow(reasons.importance, cmap="PuOr_r", vmin=-strongest, vmax=strongest)
looked.set_title(f"orange speaks for {reasons.digit}", fontsize=9)
seen.axis("off")
looked.axis("off")
plt.show()

# %% [markdown]
# ## And now
#
# - `mnist-cnn train --recipe fast` trains on MNIST to 99 %; `mnist-cnn info` lists the other recipes.
# - `mnist-cnn serve` shows a page to draw on.
# - `mnist-cnn adapt labels.csv` teaches a network your own hand.
