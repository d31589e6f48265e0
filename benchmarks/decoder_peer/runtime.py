"""The side of CTranslate2: logits of a decoder from tensors in a file. Imports nothing of ours.

    python runtime.py FOLDER

FOLDER has decoder.npz, with tensors by the names of Hugging Face's Llama, and decoder.json, with ``tokens`` and the
fields of the model; logits.npy is written there, (tokens, vocabulary) float32.
"""

import json
import sys
from pathlib import Path

import ctranslate2
import numpy as np
from ctranslate2.specs import common_spec
from ctranslate2.specs.transformer_spec import TransformerDecoderModelSpec


def main(folder: Path) -> None:
    """Make a model of the runtime from the tensors, and run it in float32."""
    fields = json.loads((folder / "decoder.json").read_text())
    tensors = np.load(folder / "decoder.npz")
    heads, shared = fields["num_attention_heads"], fields["num_key_value_heads"]
    spec = TransformerDecoderModelSpec.from_config(
        fields["num_hidden_layers"], heads, activation=common_spec.Activation.SWISH, pre_norm=True, ffn_glu=True,
        rms_norm=True, rotary_dim=0, rotary_interleave=False, rotary_base=fields["rope_theta"],
        num_heads_kv=None if shared == heads else shared, head_dim=fields["head_dim"],
    )  # fmt: skip
    decoder = spec.decoder
    decoder.scale_embeddings = False
    decoder.embeddings.weight = tensors["model.embed_tokens.weight"]
    decoder.layer_norm.gamma = tensors["model.norm.weight"]
    decoder.projection.weight = tensors["lm_head.weight"]
    for number, layer in enumerate(decoder.layer):
        name = f"model.layers.{number}."
        layer.self_attention.layer_norm.gamma = tensors[f"{name}input_layernorm.weight"]
        layer.ffn.layer_norm.gamma = tensors[f"{name}post_attention_layernorm.weight"]
        first, last = layer.self_attention.linear
        first.weight = np.concatenate([tensors[f"{name}self_attn.{part}_proj.weight"] for part in "qkv"])
        last.weight = tensors[f"{name}self_attn.o_proj.weight"]
        layer.ffn.linear_0.weight = tensors[f"{name}mlp.gate_proj.weight"]
        layer.ffn.linear_0_noact.weight = tensors[f"{name}mlp.up_proj.weight"]
        layer.ffn.linear_1.weight = tensors[f"{name}mlp.down_proj.weight"]
    vocabulary = [f"t{number}" for number in range(fields["vocab_size"])]
    spec.register_vocabulary(vocabulary)
    spec.config.layer_norm_epsilon = fields["rms_norm_eps"]
    spec.config.unk_token = spec.config.bos_token = spec.config.eos_token = vocabulary[0]
    spec.validate()
    spec.optimize()
    (folder / "model").mkdir()
    spec.save(str(folder / "model"))
    generator = ctranslate2.Generator(str(folder / "model"), device="cpu", compute_type="float32", intra_threads=1)
    logits = generator.forward_batch([[vocabulary[token] for token in fields["tokens"]]])
    np.save(folder / "logits.npy", np.asarray(logits)[0])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
