#!/usr/bin/env python3
"""Makes tests/goldens/resize_tables.safetensors: position tables and embeddings before and after resizing.

    python3 scripts/reference/make_resize_goldens.py

`<case>.from` is the table, `<case>.official` and `<case>.timm` are the resized tables:
  table_*  relative_position_bias_table (L, heads). official: torch's bicubic interpolation without
           antialiasing over the square of rows, as in the published fine-tuning; timm: its
           resize_rel_pos_bias_table (a geometric grid, linear interpolation).
  ape_*    absolute_pos_embed (1, L, C), without a class token. official: as above; timm: its
           resample_abs_pos_embed (antialiased, with another bicubic kernel).
  vit_*    pos_embed (1, 1 + L, C); the class token's row is kept. Both as for ape.
"""
import torch
import timm
from timm.layers import resample_abs_pos_embed
from timm.layers.pos_embed_rel import resize_rel_pos_bias_table

import generated
import golden_file

SEED = 7


def bicubic(grid, side):  # (1, channels, S, S) → (1, channels, side, side)
    return torch.nn.functional.interpolate(grid, size=(side, side), mode="bicubic",
                                           align_corners=False)


def table_case(window, new_window, heads):
    old, new = 2 * window - 1, 2 * new_window - 1
    name = f"table_{window}_{new_window}"
    table = torch.from_numpy(generated.weight(SEED, name + ".relative_position_bias_table",
                                            (old * old, heads)))
    grid = table.double().t().reshape(1, heads, old, old)
    return {name + ".from": table,
            name + ".official": bicubic(grid, new).reshape(heads, -1).t(),
            name + ".timm": resize_rel_pos_bias_table(table.double(), (new_window, new_window),
                                                      (new * new, heads))}


def embedding_case(kind, side, new_side, channels, prefix):
    name = f"{kind}_{side}_{new_side}"
    embedding = torch.from_numpy(generated.weight(SEED, name + ".pos_embed",
                                                (1, prefix + side * side, channels)))
    grid = embedding[:, prefix:].double().reshape(1, side, side, channels).permute(0, 3, 1, 2)
    resized = bicubic(grid, new_side).permute(0, 2, 3, 1).reshape(1, -1, channels)
    return {name + ".from": embedding,
            name + ".official": torch.cat([embedding[:, :prefix].double(), resized], 1),
            name + ".timm": resample_abs_pos_embed(embedding.double(), [new_side, new_side],
                                                   num_prefix_tokens=prefix)}


tensors = {}
for case in [table_case(7, 12, 3), table_case(12, 7, 3), table_case(4, 8, 3),
             embedding_case("ape", 7, 10, 8, 0), embedding_case("ape", 10, 7, 8, 0),
             embedding_case("vit", 4, 6, 8, 1), embedding_case("vit", 6, 4, 8, 1)]:
    tensors.update({name: tensor.numpy() for name, tensor in case.items()})
golden_file.save(golden_file.GOLDENS / "resize_tables.safetensors", tensors,
                 made_by="scripts/reference/make_resize_goldens.py with " +
                         golden_file.versions(torch, timm))
