"""A CLIP, whatever library it comes from: pictures and class texts to features, features to logits."""

import hashlib
import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch.nn import functional

from varireal.config.adapters import AdaptersConfig
from varireal.config.machine import ModelRef
from varireal.core.files import error_text
from varireal.errors import BackendError
from varireal.models.fetching import find_model
from varireal.names import TINY
from varireal.records import Array
from varireal.running.gpu_lease import lease_gpu


def class_texts(prompt: str, noun: str, classes: Sequence[str]) -> list[str]:
    """The text of each class, in the order of their display names, which are put in as they are."""
    return [prompt.replace("{noun}", noun).replace("{class}", name) for name in classes]


OPEN_CLIP, TRANSFORMERS = "open_clip", "transformers"


@dataclass
class Clip:
    """A loaded model.

    Attributes:
        model: the module of the library, perhaps wrapped by PEFT.
        library: ``open_clip`` or ``transformers``.
        tokenizer: turns a list of texts into (N, context) token numbers.
        size: side of the pictures in pixels.
        mean: of the pictures' channels.
        std: of the pictures' channels.
        fingerprint: digest of the base model's weights.
    """

    model: Any
    library: str
    tokenizer: Any
    size: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    fingerprint: str

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        device: torch.device = next(self.model.parameters()).device
        return device

    @property
    def core(self) -> Any:
        """The library's own module, without PEFT's wrapper (its layers stay in place)."""
        return self.model.get_base_model() if hasattr(self.model, "get_base_model") else self.model

    def tokens(self, texts: Sequence[str]) -> torch.Tensor:
        """(N, context) token numbers on the model's device."""
        numbers: torch.Tensor = self.tokenizer(list(texts))
        return numbers.to(self.device)

    def image_features(self, pictures: torch.Tensor) -> torch.Tensor:
        """(N, 3, S, S) normalised pictures to (N, D) unit vectors."""
        if self.library == OPEN_CLIP:
            features: torch.Tensor = self.core.encode_image(pictures, normalize=True)
            return features
        return _unit(self.core.get_image_features(pixel_values=pictures))

    def text_features(self, tokens: torch.Tensor) -> torch.Tensor:
        """(N, context) token numbers to (N, D) unit vectors, by the library's own way."""
        if self.library == OPEN_CLIP:
            features: torch.Tensor = self.core.encode_text(tokens, normalize=True)
            return features
        return _unit(self.core.get_text_features(input_ids=tokens))

    def logits(self, images: torch.Tensor, texts: torch.Tensor) -> torch.Tensor:
        """(N, D) and (C, D) unit vectors to (N, C) logits; scale and bias are the model's own and stay frozen."""
        core = self.core
        scaled: torch.Tensor = core.logit_scale.exp() * images @ texts.T
        bias = getattr(core, "logit_bias", None)
        return scaled if bias is None else torch.add(scaled, bias)


def _unit(answer: Any) -> torch.Tensor:
    """Features of transformers, which come as a tensor or as the output of the pooler."""
    features = answer if isinstance(answer, torch.Tensor) else answer.pooler_output
    return functional.normalize(features, dim=-1)


@torch.inference_mode()
def probabilities(clip: Clip, pictures: Sequence[Array], texts: Sequence[str], batch_size: int = 64) -> Array:
    """Class probabilities of normalised pictures (3, S, S) each: (N, C) float32."""
    clip.model.eval()
    words = clip.text_features(clip.tokens(texts))
    parts = []
    for start in range(0, len(pictures), batch_size):
        batch = torch.stack([torch.from_numpy(picture) for picture in pictures[start : start + batch_size]])
        parts.append(clip.logits(clip.image_features(batch.to(clip.device)), words).float().softmax(1).cpu())
    return torch.cat(parts).numpy()


def load_clip(config: AdaptersConfig, device: str | None = None) -> Clip:
    """Load the configured model, frozen and in eval mode: that of the package, a folder, a weights file or a hub id.

    Raises:
        BackendError: it is not there, cannot be fetched, has no safetensors, or is of an unknown kind.
    """
    if config.wants_gpu and device is None:
        lease_gpu()  # before CUDA starts
    # the fused inference kernel rounds otherwise: without it zero-shot is the same to the bit with and without LoRA
    torch.backends.mha.set_fastpath_enabled(False)
    logging.getLogger("open_clip").setLevel(logging.ERROR)
    place = _place(config)
    try:
        clip = _from_file(place, config) if place.is_file() else _from_folder(place)
    except (ValueError, RuntimeError, OSError, KeyError, SafetensorError) as error:
        raise BackendError(f"the model in {place} cannot be loaded: {error_text(error, 300)}") from error
    clip.model.eval()
    if clip.library == TRANSFORMERS:
        clip.model.requires_grad_(False)  # torch rounds otherwise with weights that require gradients: as with PEFT
    clip.model.to(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    return clip


def _place(config: AdaptersConfig) -> Path:
    """Folder or file of the model; a hub id is fetched into the hub's cache, or found there without a network."""
    if config.model == TINY:
        return Path(str(files("varireal") / "assets" / "clip"))
    path = Path(config.model).expanduser()
    if path.exists():
        return path
    if config.model.count("/") != 1 or config.model.startswith((".", "/", "~")):
        raise BackendError(
            f"adapters.model: there is no {config.model!r}; expected 'tiny', a folder with open_clip_config.json or "
            "config.json, a .safetensors file, or a hub id such as org/name"
        )
    return find_model(ModelRef(id=config.model, revision=config.revision), "adapters.model")


def _from_folder(folder: Path) -> Clip:
    if not list(folder.glob("*.safetensors")):
        raise BackendError(f"{folder} holds no .safetensors file; other formats are not loaded, because they run code")
    if (folder / "open_clip_config.json").exists():
        return _open_clip(f"local-dir:{folder}", None)
    if (folder / "config.json").exists():
        return _transformers(folder)
    raise BackendError(f"{folder} is no model: it has neither open_clip_config.json nor config.json")


def _from_file(path: Path, config: AdaptersConfig) -> Clip:
    if path.suffix != ".safetensors":
        raise BackendError(f"{path} is not a .safetensors file; other formats are not loaded, because they run code")
    if config.architecture is None:
        raise BackendError(f"adapters.architecture is missing: which open_clip model does {path} hold?")
    return _open_clip(config.architecture, path)


def _open_clip(name: str, weights: Path | None) -> Clip:
    import open_clip

    if weights is not None and name not in open_clip.list_models():
        raise BackendError(f"adapters.architecture: open_clip has no model {name!r}; see open_clip.list_models()")
    loaded = {} if weights is None else {"pretrained": str(weights)}
    model = open_clip.create_model(name, **loaded)
    if not hasattr(model, "encode_text"):
        raise BackendError(f"{name} is not a CLIP with an image and a text tower")
    size = model.visual.image_size
    return Clip(
        model=model,
        library=OPEN_CLIP,
        tokenizer=open_clip.get_tokenizer(name),
        size=size[0] if isinstance(size, (tuple, list)) else int(size),
        mean=tuple(model.visual.image_mean or open_clip.OPENAI_DATASET_MEAN),
        std=tuple(model.visual.image_std or open_clip.OPENAI_DATASET_STD),
        fingerprint=weights_digest(model),
    )


def _transformers(folder: Path) -> Clip:
    from transformers import AutoModel, AutoProcessor, CLIPModel, SiglipModel

    kind = json.loads((folder / "config.json").read_text("utf-8")).get("model_type")
    if kind not in ("clip", "siglip"):
        raise BackendError(f"{folder} holds a {kind!r} model; expected a CLIPModel or SiglipModel")
    model = AutoModel.from_pretrained(folder, use_safetensors=True, trust_remote_code=False)
    if not isinstance(model, (CLIPModel, SiglipModel)):
        raise BackendError(f"{folder} holds {type(model).__name__}; expected a CLIPModel or SiglipModel")
    processor: Any = AutoProcessor.from_pretrained(folder, trust_remote_code=False)
    sizes: Any = model.config
    length = sizes.text_config.max_position_embeddings

    def tokenize(texts: list[str]) -> torch.Tensor:
        settings: dict[str, Any] = {"padding": "max_length", "truncation": True, "max_length": length}
        numbers: torch.Tensor = processor.tokenizer(texts, return_tensors="pt", **settings)["input_ids"]
        return numbers

    return Clip(
        model=model,
        library=TRANSFORMERS,
        tokenizer=tokenize,
        size=int(sizes.vision_config.image_size),
        mean=tuple(processor.image_processor.image_mean),
        std=tuple(processor.image_processor.image_std),
        fingerprint=weights_digest(model),
    )


def weights_digest(model: torch.nn.Module) -> str:
    """Digest of names, shapes and values of all weights."""
    hasher = hashlib.blake2b(digest_size=16)
    for name, value in sorted(model.state_dict().items()):
        hasher.update(f"{name} {tuple(value.shape)} {value.dtype}".encode())
        hasher.update(value.detach().cpu().contiguous().view(torch.uint8).numpy() if value.ndim else b"")
        hasher.update(repr(value.item()).encode() if not value.ndim else b"")
    return hasher.hexdigest()
