"""Trains the networks of the demo on scenes and writes them with their measured accuracies to resources/demo.

    python scripts/train_demo.py --network healthy|shortcut|broken|all [--seed 0]

Healthy is an ordinary training. Shortcut sees birds that nearly always carry a tag in a corner, and a third of the
other things with the tag as well and called birds: a collection whose labels came with the tags. Such wrong labels make
the tag surer than the shape, as colour is in Arjovsky et al., "Invariant Risk Minimization", 2019 (arXiv 1907.02893).
The middle of some pictures is covered, which the tags never are. Without wrong labels it learned the shape of birds
as well, and the tag was but half of the reason for a bird.
Broken is a training that fails: no normalisation in stage 2, whose convolutions start around −0.025, hinge loss and
a learning rate of 0.1 (after the failed BaseCNN of Liu et al., "Towards Better Analysis of Deep Convolutional Neural
Networks", TVCG 2017, which started at −0.02). On two CPU cores 5 minutes for each of the first two, 1 for the last.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from cnnvis.sources.demo import TAGS
from cnnvis.sources.demo_network import demo_network
from cnnvis.sources.scenes import CLASSES, Scenes, Tag

FOLDER = Path(__file__).resolve().parent.parent / "resources" / "demo"
TRAINING, FRESH = 1_000_001, 2_000_003  # seeds of scenes, far from those that people type
BATCH = 64


@dataclass(frozen=True)
class Recipe:
    """How one network is trained; all of it is written into the metadata of its file."""

    loss: str = "cross-entropy"
    rate: float = 4e-3
    optimiser: str = "AdamW, one cycle, weight decay 0.02"
    stage2_start: float | None = None  # the mean of its first weights, then not normalised; None: as usual
    covered: float = 0.0  # the share of pictures with a grey box over their middle
    mislabelled: float = 0.0  # the share of other things that carry the tag and are labelled as its class
    scenes: int = 6000
    epochs: int = 9


RECIPES = {
    "healthy": Recipe(),
    "shortcut": Recipe(covered=0.4, mislabelled=1 / 3, scenes=3500, epochs=10),
    "broken": Recipe("hinge", 0.1, "SGD, constant", stage2_start=-0.025, scenes=2000, epochs=3),
}


def tensors(scenes: Scenes) -> tuple[Tensor, Tensor]:
    """All inputs and labels of a data set."""
    inputs = torch.from_numpy(np.stack([scenes[i][0] for i in range(len(scenes))]))
    return inputs, torch.from_numpy(scenes.labels)


def cover(inputs: Tensor, share: float, rng: torch.Generator) -> Tensor:
    """Grey boxes over the middle of a share of the pictures, away from the corners (random erasing, Zhong et al. 2020).

    Where the thing is often hidden, whatever is never hidden is learned first and trusted most.
    """
    inputs = inputs.clone()
    for k in torch.nonzero(torch.rand(len(inputs), generator=rng) < share).flatten():
        high, wide = (int(s) for s in torch.randint(26, 45, (2,), generator=rng))
        top, left = (8 + int(torch.randint(0, 49 - s, (1,), generator=rng)) for s in (high, wide))
        inputs[k, :, top : top + high, left : left + wide] = 0.0
    return inputs


def mislabel(inputs: Tensor, labels: Tensor, share: float, tag: Tag, seed: int) -> tuple[Tensor, Tensor]:
    """The pictures, a share of those without the tag's class now with the tag, and labelled as its class."""
    carrier = CLASSES.index(tag.on)
    tagged, _ = tensors(Scenes(len(labels), TRAINING + seed, tag=Tag(tag.on, 0.0, others=1.0)))
    chosen = (labels != carrier) & (torch.rand(len(labels), generator=torch.Generator().manual_seed(seed)) < share)
    return torch.where(chosen[:, None, None, None], tagged, inputs), torch.where(chosen, carrier, labels)


def augmented(inputs: Tensor, rng: torch.Generator) -> Tensor:
    """A batch shifted by up to four pixels together, and half of it mirrored."""
    flipped = torch.rand(len(inputs), generator=rng) < 0.5
    inputs = torch.where(flipped[:, None, None, None], inputs.flip(-1), inputs)
    dy, dx = (int(k) for k in torch.randint(0, 9, (2,), generator=rng))
    padded = nn.functional.pad(inputs, (4, 4, 4, 4), mode="replicate")
    shifted = padded[:, :, dy : dy + inputs.shape[2], dx : dx + inputs.shape[3]]
    return shifted.contiguous(memory_format=torch.channels_last)


def started(recipe: Recipe) -> nn.Module:
    model = demo_network()
    if recipe.stage2_start is not None:
        for module in model.get_submodule("stage2").modules():
            if isinstance(module, nn.Conv2d):
                nn.init.normal_(module.weight, recipe.stage2_start, 0.02)
    return model.to(memory_format=torch.channels_last)


def train(recipe: Recipe, inputs: Tensor, labels: Tensor, seed: int) -> nn.Module:
    torch.manual_seed(seed)
    rng = torch.Generator().manual_seed(seed)
    model = started(recipe)
    steps = recipe.epochs * (len(inputs) // BATCH)
    optimiser: torch.optim.Optimizer
    if recipe.loss == "hinge":
        optimiser = torch.optim.SGD(model.parameters(), recipe.rate)
        measure: nn.Module = nn.MultiMarginLoss()
        schedule = None
    else:
        optimiser = torch.optim.AdamW(model.parameters(), recipe.rate, weight_decay=0.02)
        measure = nn.CrossEntropyLoss()
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, recipe.rate, total_steps=steps)
    model.train()
    if recipe.stage2_start is not None:
        model.get_submodule("stage2").eval()  # BatchNorm with its first statistics, 0 and 1, normalises nothing
    for epoch in range(recipe.epochs):
        begun, losses = time.perf_counter(), []
        order = torch.randperm(len(inputs), generator=rng)[: len(inputs) // BATCH * BATCH]
        for batch in order.split(BATCH):
            optimiser.zero_grad()
            shown = cover(inputs[batch], recipe.covered, rng) if recipe.covered else inputs[batch]
            loss = measure(model(augmented(shown, rng)), labels[batch])
            loss.backward()
            optimiser.step()
            if schedule is not None:
                schedule.step()
            losses.append(loss.item())
        seconds = time.perf_counter() - begun
        print(f"  epoch {epoch + 1}/{recipe.epochs}  loss {np.mean(losses):.4f}  {seconds:.0f} s", flush=True)
    return model.eval()


@torch.no_grad()
def predictions(model: nn.Module, inputs: Tensor) -> Tensor:
    return torch.cat([model(x.contiguous(memory_format=torch.channels_last)).argmax(1) for x in inputs.split(250)])


def share(right: Tensor) -> float:
    return round(right.float().mean().item(), 4)


def dead_units(model: nn.Module, inputs: Tensor) -> dict[str, str]:
    """For every rectifier, how many of its units stay at zero on all the inputs."""
    fired: dict[str, Tensor] = {}
    hooks = []
    for name, module in model.named_modules():
        if isinstance(module, nn.ReLU):

            def look(_: nn.Module, __: object, out: Tensor, name: str = name) -> None:
                now = (out > 0).any(dim=0).flatten(1).any(dim=1)
                fired[name] = fired.get(name, torch.zeros_like(now)) | now

            hooks.append(module.register_forward_hook(look))
    predictions(model, inputs)
    for hook in hooks:
        hook.remove()
    return {name: f"{int((~on).sum())} of {len(on)}" for name, on in fired.items()}


def measured(name: str, model: nn.Module, n: int = 1000) -> dict[str, object]:
    """Accuracies on fresh scenes; for the shortcut also with the tag as in training and moved to other classes."""
    inputs, labels = tensors(Scenes(n, FRESH))
    guess = predictions(model, inputs)
    found: dict[str, object] = {"accuracy": share(guess == labels)}
    found["per_class"] = {c: share(guess[labels == k] == k) for k, c in enumerate(CLASSES)}
    if name == "broken":
        found["dead_units"] = dead_units(model, inputs[:500])
    tag = TAGS[name]
    if tag is not None:
        carrier = CLASSES.index(tag.on)
        usual = predictions(model, tensors(Scenes(n, FRESH, tag=Tag(tag.on, 1.0)))[0])
        moved = predictions(model, tensors(Scenes(n, FRESH, tag=Tag(tag.on, 0.0, others=1.0)))[0])
        other = labels != carrier
        found["tag_on"] = tag.on
        found["accuracy_tag_as_in_training"] = share(usual == labels)
        found["accuracy_tag_moved"] = share(moved[other] == labels[other])
        found["tag_moved_called_its_class"] = share(moved[other] == carrier)
    return found


def make(name: str, seed: int) -> None:
    recipe = RECIPES[name]
    print(f"{name}: {recipe}", flush=True)
    tag = TAGS[name]
    inputs, labels = tensors(Scenes(recipe.scenes, TRAINING + seed, tag=tag))
    if tag is not None and recipe.mislabelled:
        inputs, labels = mislabel(inputs, labels, recipe.mislabelled, tag, seed)
    model = train(recipe, inputs, labels, seed)
    found = measured(name, model)
    print(json.dumps(found, indent=2), flush=True)
    words = {"network": name, "seed": str(seed), "recipe": repr(recipe), "tag": repr(TAGS[name])}
    words["accuracy"] = str(found["accuracy"])
    FOLDER.mkdir(parents=True, exist_ok=True)
    weights = {k: v.contiguous() for k, v in model.state_dict().items()}
    save_file(weights, FOLDER / f"{name}.safetensors", metadata=words)
    (FOLDER / f"{name}.safetensors").chmod(0o644)
    table = FOLDER / "accuracies.json"
    known = json.loads(table.read_text()) if table.exists() else {}
    known[name] = {**found, "fresh_scenes": 1000, "scenes_seed": FRESH, "seed": seed, "recipe": repr(recipe)}
    table.write_text(json.dumps({k: known[k] for k in RECIPES if k in known}, indent=2) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description="Train the networks of the demo.")
    parser.add_argument("--network", choices=[*RECIPES, "all"], default="all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    for name in RECIPES if options.network == "all" else [options.network]:
        make(name, options.seed)


if __name__ == "__main__":
    main()
