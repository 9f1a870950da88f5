# %% [markdown]
# # 3. How confident is it? Calibration, rejection, intervals
#
# *Third of a course of four:* 1 step by step · 2 your own photo · **3 how confident is it** · 4 faster and smaller
#
# A classifier gives each answer with a probability. Can you believe it? When should the model rather say "?"? And how
# much is "95% of 500 test images" worth? This notebook answers the three questions, in less than a minute on two
# cores.

# %%
import cv2
import matplotlib.pyplot as plt
import numpy as np

import mnist_cnn
from mnist_cnn.data.negatives import negatives
from mnist_cnn.evaluation.metrics import wilson_interval

# %% [markdown]
# ## A model that makes errors
#
# To have something to look at, the model is trained on 200 images only. The other images are divided in two:
# *calibration* images, on which thresholds and temperatures are chosen, and *test* images, on which the result is
# measured. A number that is chosen and measured on the same images looks better than it is.

# %%
(x_train, y_train), (x_test, y_test) = mnist_cnn.load_data("digits")
model = mnist_cnn.DigitClassifier("fast", epochs=40, batch_size=20, learning_rate=0.01, label_smoothing=0.0)
model.fit(x_train[:200], y_train[:200])

calibration, calibration_labels = model.predict_proba(x_train[200:797]), y_train[200:797]
images, labels = np.concatenate([x_train[797:], x_test]), np.concatenate([y_train[797:], y_test])
probabilities = model.predict_proba(images)
predicted, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1)
correct = predicted == labels
print(f"{correct.sum()} of {len(labels):,} test images correct: {correct.mean():.2%}")

# %% [markdown]
# ## An accuracy has an interval
#
# With other test images of the same kind the number would be another one. How far would it move? The *bootstrap*
# draws as many images from these, with replacement, and measures again, two thousand times; the middle 95% of the
# results are a confidence interval. For an accuracy there is also a formula (Wilson 1927), which needs no drawing:
# that is what every accuracy in `mnist_cnn` comes with.

# %%
rng = np.random.default_rng(0)
drawn = [correct[rng.integers(0, len(correct), len(correct))].mean() for _ in range(2000)]
low, high = np.quantile(drawn, [0.025, 0.975])
evaluation = mnist_cnn.evaluate(probabilities, labels)
wilson = evaluation.confidence_interval
print(f"bootstrap {low:.2%} to {high:.2%}, Wilson {wilson[0]:.2%} to {wilson[1]:.2%}")

figure, axis = plt.subplots(figsize=(5, 2.2))
axis.hist(drawn, bins=30, color="lightgray")
axis.axvline(correct.mean(), color="black")
axis.axvspan(*wilson, color="tab:blue", alpha=0.2, label="Wilson's 95% CI")
axis.set_xlabel("accuracy on a drawn set of test images")
axis.legend(fontsize=8)
plt.show()

# %% [markdown]
# Four times as many images halve the interval. So a hundred test images cannot show that one model has 98% and
# another 97%:

# %%
for count in (100, 400, 1_600, 10_000):
    half = 1.96 * np.sqrt(0.98 * 0.02 / count)
    print(f"{count:6,} images, 98% correct: ± {half:.2%}")

# %% [markdown]
# ## Is the confidence justified?
#
# The *confidence* is the largest of the ten probabilities. Errors have a lower one on average, but not always: some
# are as confident as the correct answers.

# %%
figure, axis = plt.subplots(figsize=(5, 2.4))
bins = np.linspace(0.2, 1, 25)
axis.hist([confidence[correct], confidence[~correct]], bins, stacked=True, color=["tab:blue", "tab:orange"])
axis.set_yscale("log")
axis.set_xlabel("confidence")
axis.set_ylabel("images")
axis.legend(["correct", "errors"], fontsize=8)
plt.show()

most_confident = np.flatnonzero(~correct)[np.argsort(-confidence[~correct])][:8]
figure, axes = plt.subplots(1, 8, figsize=(9, 1.6))
for axis, one in zip(axes, most_confident, strict=True):
    axis.imshow(images[one], cmap="gray_r")
    axis.set_title(f"{labels[one]}, predicted\n{predicted[one]}: {confidence[one]:.1%}", fontsize=8)
    axis.axis("off")
figure.suptitle("the most confident errors", fontsize=9, y=1.15)
plt.show()

# %% [markdown]
# A model is *calibrated* if of all answers with a confidence of 90%, 90% are correct. The *reliability diagram*
# groups the answers by confidence and shows the accuracy of each group. Below the diagonal the model is
# overconfident. The *expected calibration error* (ECE) is the mean distance from the diagonal, weighted by the size
# of the groups.


# %%
def reliability(axis, probabilities, labels, title):
    """Draw the reliability diagram: the accuracy of each group with its 95% CI."""
    confidence, correct = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    for least, most in ((0, 0.6), (0.6, 0.75), (0.75, 0.9), (0.9, 0.98), (0.98, 1)):
        group = (confidence > least) & (confidence <= most)
        low, high = wilson_interval(correct[group].sum(), group.sum())
        axis.plot([confidence[group].mean()] * 2, [low, high], color="tab:blue")
        axis.plot(confidence[group].mean(), correct[group].mean(), marker="o", color="tab:blue")
    axis.plot([0.4, 1], [0.4, 1], color="gray", linewidth=0.8)
    ece = mnist_cnn.evaluate(probabilities, labels).expected_calibration_error
    axis.set_title(f"{title}: ECE {ece:.2%}", fontsize=9)
    axis.set_xlabel("mean confidence")
    axis.set_ylabel("accuracy")


figure, axis = plt.subplots(figsize=(3.4, 3))
reliability(axis, probabilities, labels, "as trained")
plt.show()

# %% [markdown]
# It is overconfident: it was trained until it was certain of its 200 training images, and is as certain of others.
#
# ## Calibrate: temperature scaling
#
# One number mends most of it ([Guo et al. 2017](https://arxiv.org/abs/1706.04599)). Probabilities are taken to the
# power of 1/T and divided by their sum: with a *temperature* T above 1 they become more even, and the order stays, so
# the predictions are the same. T is chosen where the calibration images are most probable, that is, where the mean of
# −log(probability of the label) is lowest.


# %%
def at_temperature(probabilities, temperature):
    """Probabilities with another temperature: above 1 more even, below 1 less."""
    powers = probabilities ** (1 / temperature)
    return powers / powers.sum(axis=1, keepdims=True)


def loss(probabilities, labels):
    """The mean negative log-likelihood, in nats per image."""
    return -np.log(probabilities[np.arange(len(labels)), labels]).mean()


temperatures = np.linspace(0.5, 5, 91)
losses = [loss(at_temperature(calibration, one), calibration_labels) for one in temperatures]
temperature = temperatures[np.argmin(losses)]
calibrated = at_temperature(probabilities, temperature)
print(f"temperature {temperature:.2f}; loss on the test images {loss(probabilities, labels):.3f}, then", end=" ")
print(f"{loss(calibrated, labels):.3f}; same predictions: {(calibrated.argmax(axis=1) == predicted).all()}")

figure, (left, middle, right) = plt.subplots(1, 3, figsize=(10, 3), layout="constrained")
left.plot(temperatures, losses)
left.axvline(temperature, color="gray", linewidth=0.8)
left.set_xlabel("temperature")
left.set_ylabel("loss on the calibration images")
reliability(middle, probabilities, labels, "as trained")
reliability(right, calibrated, labels, "calibrated")
plt.show()

# %% [markdown]
# `mnist_cnn.train` does this by itself for every recipe with a validation part, and its report has this diagram.
#
# ## Reject: rather "?" than an error
#
# Where an error costs more than asking a person, reject what is least confident. The *risk–coverage curve* shows what
# that brings: *coverage* is the fraction of images that are answered, *risk* the fraction of errors among them.

# %%
order = np.argsort(-calibrated.max(axis=1))
risk = np.cumsum(~correct[order]) / np.arange(1, len(order) + 1)
coverage = np.arange(1, len(order) + 1) / len(order)
figure, axis = plt.subplots(figsize=(5, 2.6))
axis.plot(coverage, risk)
axis.set_xlabel("coverage")
axis.set_ylabel("risk")
axis.grid(alpha=0.4)
plt.show()
for wanted in (1.0, 0.95, 0.9, 0.8):
    print(f"{wanted:4.0%} answered: {1 - risk[round(wanted * len(order)) - 1]:.2%} of them correct")

# %% [markdown]
# In use, you set a threshold. Here it is the lowest one with at most 1% errors among the calibration images that it
# accepts. On the test images it comes close to that, not exactly: the 597 calibration images are a sample as well.

# %%
scaled = at_temperature(calibration, temperature)
certain, right = scaled.max(axis=1), scaled.argmax(axis=1) == calibration_labels
thresholds = np.linspace(0.3, 0.999, 500)
threshold = next(one for one in thresholds if (~right[certain >= one]).mean() <= 0.01)
accepted = calibrated.max(axis=1) >= threshold
print(f"threshold {threshold:.1%}: {accepted.mean():.1%} answered, {(~correct[accepted]).mean():.2%} of them errors")

# %% [markdown]
# `mnist_cnn.Reader(min_confidence=0.9)` and `mnist-cnn read --min-confidence 0.9` do that in reading: below the
# threshold there is "?" in place of the digit.
#
# ## What is not a digit
#
# Calibration holds for images like those that it was made on. What about letters, scribbles, halves of digits? The
# model has never seen any, and its ten probabilities must sum to 1, so it gives each a digit, some with high
# confidence. The bundled model was trained on such *negatives* as well: for them its ten probabilities are nearly
# equal.

# %%
others = negatives(300, x_train, y_train, np.random.default_rng(5))
bundled = mnist_cnn.load("robust")
of_model = at_temperature(model.predict_proba(others), temperature)
of_bundled = bundled.predict_proba(others)
figure, axes = plt.subplots(1, 8, figsize=(9, 1.7))
for axis, image, one, other in zip(axes, others, of_model, of_bundled, strict=False):
    axis.imshow(image, cmap="gray_r")
    axis.set_title(f"{one.argmax()}: {one.max():.0%}\nbundled {other.argmax()}: {other.max():.0%}", fontsize=8)
    axis.axis("off")
plt.show()
print(f"accepted at {threshold:.1%}: {(of_model.max(axis=1) >= threshold).mean():.0%} by this model,", end=" ")
print(f"{(of_bundled.max(axis=1) >= threshold).mean():.0%} by the bundled model")

# %% [markdown]
# ## Exercises
#
# 1. Your model has 97 of 100 test images correct, a friend's 95 of the same 100. Is yours better? Compute the two
#    intervals (`wilson_interval(correct, count)`). What else should you know about the errors?
# 2. Instead of one digit, answer with a *set* of digits that contains the right one for 98% of the images, as small
#    as possible. Hint: on the calibration images, how improbable are the true labels?
# 3. Rotate the test images by 25 degrees (`cv2.warpAffine`). What becomes of the accuracy, and what of the
#    calibration?
#
# Try them before you read on.
#
# ## Answers
#
# **1.** The intervals overlap almost entirely, so 100 images do not tell. Since both saw the same images, only those
# that exactly one of the two has correct say something: if your friend's errors include all of yours, the difference
# rests on two images, which happens by chance half of the time (McNemar's test: p = 0.5).

# %%
for count in (97, 95):
    low, high = wilson_interval(count, 100)
    print(f"{count} of 100: {low:.1%} to {high:.1%}")

# %% [markdown]
# **2.** This is *split conformal prediction* ([Angelopoulos and Bates 2021](https://arxiv.org/abs/2107.07511)). For
# each calibration image take the probability of its label; 98% of them are above a certain number. A set has all
# digits whose probability is above that number. If new images are like the calibration images, it has the right digit
# for 98% of them, whatever the model: a bad one has large sets.

# %%
of_label = np.sort(scaled[np.arange(len(scaled)), calibration_labels])
least = of_label[int(np.floor(0.02 * (len(of_label) + 1))) - 1]
sets = calibrated >= least
print(f"digits with a probability of at least {least:.3f}; mean size {sets.sum(axis=1).mean():.2f}")
print(f"the set has the right digit for {sets[np.arange(len(labels)), labels].mean():.2%} of the test images")
for index in np.argsort(-sets.sum(axis=1), kind="stable")[:3]:
    print(f"label {labels[index]}: {{{', '.join(map(str, np.flatnonzero(sets[index])))}}}")

# %% [markdown]
# **3.** The accuracy falls, and the confidence falls less: on images of another kind the model is overconfident
# again, with the temperature that was right before. So calibrate, and measure, on images like those that you will
# have.

# %%
turn = cv2.getRotationMatrix2D((13.5, 13.5), 25, 1)
turned = np.stack([cv2.warpAffine(image, turn, (28, 28)) for image in images])
for name, some in (("upright", images), ("rotated", turned)):
    found = mnist_cnn.evaluate(at_temperature(model.predict_proba(some), temperature), labels)
    print(f"{name}: accuracy {found.accuracy:.1%}, expected calibration error {found.expected_calibration_error:.1%}")
