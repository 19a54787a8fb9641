"""Shared by train_upernet_twin.py and train_mask_rcnn_twin.py: what the resolved config of this project
(`swin config CONFIG --json`) says about backbone, optimizer and learning rate, for Hugging Face's Swin."""
import math

import safetensors.torch
import torch
from transformers import SwinConfig

import peers


def backbone_config(model):
    """For a SwinBackbone that gives the maps of all stages."""
    return SwinConfig(
        image_size=model["image_size"], patch_size=model["patch_size"],
        num_channels=model["in_chans"], embed_dim=model["embed_dim"], depths=model["depths"],
        num_heads=model["num_heads"], window_size=model["window_size"],
        mlp_ratio=model["mlp_ratio"], drop_path_rate=model["drop_path_rate"],
        out_features=[f"stage{i + 1}" for i in range(len(model["depths"]))])


def initialize_backbone(backbone, model):
    """The initial values of this project for its linear layers; the others have Hugging Face's."""
    for module in backbone.modules():
        if isinstance(module, torch.nn.Linear):
            std = model["init_std"] if model["init_std"] != "fan_in" else module.in_features ** -0.5
            torch.nn.init.normal_(module.weight, std=std)
            if module.bias is not None:
                torch.nn.init.zeros_(module.bias)


def load_backbone(backbone, path):
    """Sets a SwinBackbone from a classifier's file in Hugging Face's names (those of files or of memory).

    All values of the backbone have to be there, but those of the norms of its maps, which a classifier
    does not have; what else the file contains is the classifier's head, its norm and derived tables.
    """
    def places(names):  # {(official name, third of it or None): name}
        return {link[:2]: name for name in names for link in peers.huggingface_links(name)
                if not link[0].startswith(("norm.", "head."))
                and not link[0].endswith("relative_position_index")}

    values, parameters = safetensors.torch.load_file(path), dict(backbone.named_parameters())
    found, wanted = places(values), places(parameters)
    new = {place for place in wanted if place[0].startswith("norm") and place not in found}
    different = set(found) ^ (set(wanted) - new)
    if different:
        raise SystemExit(f"{path}: found other parameters than the backbone of the config has, such as "
                         f"{', '.join(name for name, _ in sorted(different, key=str)[:3])}; expected "
                         "the file of a classifier with the same model section")
    with torch.no_grad():
        for place, name in found.items():
            parameter = parameters[wanted[place]]
            if parameter.shape != values[name].shape:
                raise SystemExit(f"{path}: found {name} with shape {tuple(values[name].shape)}, "
                                 f"expected {tuple(parameter.shape)}")
            parameter.copy_(values[name])
    print(f"{path}: {len(found)} tensors of the backbone, {len(new)} of its norms are new", flush=True)


def decays(config, name, parameter):
    """Whether a parameter decays: optimizer.no_decay. Norms have `norm` in Hugging Face's names, too."""
    if config["optimizer"]["no_decay"] == "official_dense":
        return not any(part in name for part in
                       ("absolute_pos_embed", "relative_position_bias_table", "norm"))
    return parameter.ndim > 1 and "relative_position_bias_table" not in name


def optimizer(config, parameters):
    """AdamW in two groups. parameters: name → parameter; those without gradient are left out."""
    own = config["optimizer"]
    if own["name"] != "adamw" or own["layer_decay"] != 1 or config["trainer"]["freeze"]:
        raise SystemExit("found optimizer.name, optimizer.layer_decay or trainer.freeze of another kind, "
                         "expected adamw, 1 and []")
    groups = {True: [], False: []}
    for name, parameter in parameters.items():
        if parameter.requires_grad:
            groups[decays(config, name, parameter)].append(parameter)
    return torch.optim.AdamW(
        [{"params": groups[True], "weight_decay": own["weight_decay"]},
         {"params": groups[False], "weight_decay": 0.0}],
        betas=own["betas"], eps=own["eps"], foreach=True)


def learning_rate(config, step, steps):
    """Of a step from 1 to steps, as trainers/optim/schedule.cpp. Epochs of the config are parts of the
    run: a shorter run has all of the schedule."""
    own, schedule = config["optimizer"], config["schedule"]
    scale = config["trainer"]["batch_size"] / (own["lr_reference_batch"]
                                               or config["trainer"]["batch_size"])
    lr, first, low = (value * scale for value in
                      (own["lr"], schedule["warmup_lr"], schedule.get("min_lr") or 0))
    epoch = steps / schedule["epochs"] if schedule["epochs"] else None  # steps of one
    if schedule["warmup_steps"]:
        warm = schedule["warmup_steps"]
    else:
        warm = round((schedule["warmup_epochs"] or 0) * (epoch or 0))
    t = step - 1
    if schedule["name"] == "polynomial":
        rate = (lr - low) * (1 - t / steps) ** schedule["power"] + low
        return rate * (1 - (1 - t / warm) * (1 - first / lr)) if t < warm else rate
    if t < warm:
        return first + t * (lr - first) / warm
    part = min(1.0, (t - warm) / max(steps - warm, 1))
    if schedule["name"] == "cosine":
        return low + 0.5 * (lr - low) * (1 + math.cos(math.pi * part))
    if schedule["name"] == "linear":
        return lr + (low - lr) * part
    if schedule["name"] == "multi_step" and epoch:
        return lr * schedule["gamma"] ** sum(t >= m * epoch for m in schedule["milestones"])
    raise SystemExit(f"found the schedule {schedule['name']}, expected polynomial, cosine, linear, or "
                     "multi_step with schedule.epochs")


def step(config, net, optimizer, number, steps, loss_of):
    """One update; loss_of() is called with the gradients at zero. Returns the loss."""
    for group in optimizer.param_groups:
        group["lr"] = learning_rate(config, number, steps)
    optimizer.zero_grad()
    loss = loss_of()
    loss.backward()
    if config["trainer"]["clip_grad"]:
        torch.nn.utils.clip_grad_norm_(net.parameters(), config["trainer"]["clip_grad"])
    optimizer.step()
    return loss.item()


class Order:
    """The places of the images of each step: one permutation of the set after another."""

    def __init__(self, count):
        self.count, self.left = count, torch.empty(0, dtype=torch.int64)

    def next(self, batch):
        if len(self.left) < batch:
            self.left = torch.randperm(self.count)
        chosen, self.left = self.left[:batch], self.left[batch:]
        return chosen
