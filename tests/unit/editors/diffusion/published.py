"""The published pipeline, written from its description on bare diffusers calls: what ``preset: paper`` must reproduce.

One image at a time, a generator that both stages share, a prior of its own, and everything that was odd about it: no
negative prompt, decimals cut, textures that overflow, a prior prompt that names the class.
"""

import cv2
import numpy as np
import torch
from compel import Compel, ReturnedEmbeddingsType
from diffusers import (
    ControlNetModel,
    DiffusionPipeline,
    DPMSolverMultistepScheduler,
    StableDiffusionXLControlNetPipeline,
    StableDiffusionXLInpaintPipeline,
)
from PIL import Image


def weigher(pipe):
    return Compel(
        tokenizer=[pipe.tokenizer, pipe.tokenizer_2],
        text_encoder=[pipe.text_encoder, pipe.text_encoder_2],
        returned_embeddings_type=ReturnedEmbeddingsType.PENULTIMATE_HIDDEN_STATES_NON_NORMALIZED,
        requires_pooled=[False, True],
    )


class Published:
    """The three recipes for pets, with models from folders."""

    def __init__(self, folders, size):
        self.size = size
        self.inpaint = StableDiffusionXLInpaintPipeline.from_pretrained(folders["inpaint"])
        net = ControlNetModel.from_pretrained(folders["controlnet"])
        self.control = StableDiffusionXLControlNetPipeline.from_pretrained(folders["base"], controlnet=net)
        self.control.load_ip_adapter(
            folders["ip_adapter"],
            subfolder="sdxl_models",
            weight_name="ip-adapter-plus_sdxl_vit-h.safetensors",
            image_encoder_folder="models/image_encoder",
        )
        self.prior = DiffusionPipeline.from_pretrained(folders["prior"])
        self.prior.scheduler = DPMSolverMultistepScheduler.from_config(self.prior.scheduler.config)
        for pipe in (self.inpaint, self.control, self.prior):
            pipe.set_progress_bar_config(disable=True)

    def letterbox(self, image):
        height, width = image.shape[:2]
        high, wide = self.size, self.size
        if width > height:
            high = int(self.size / (width / height))
        elif height > width:
            wide = int(self.size * (width / height))
        canvas = np.zeros((self.size, self.size, *image.shape[2:]), np.uint8)
        canvas[:high, :wide] = cv2.resize(image, (wide, high), interpolation=cv2.INTER_LANCZOS4)
        return canvas, (high, wide), (height, width)

    def unletterbox(self, picture, inner, photo):
        cut = picture[: inner[0], : inner[1]]
        return cv2.resize(cut, photo[::-1], interpolation=cv2.INTER_LANCZOS4)

    def make_prior(self, text, steps, seed, negative):
        if hasattr(self.prior, "tokenizer_2"):  # published was Stable Diffusion 2.1
            embeds, pooled = weigher(self.prior)(text)
            read = {"prompt_embeds": embeds, "pooled_prompt_embeds": pooled}
        else:
            read = {
                "prompt_embeds": Compel(tokenizer=self.prior.tokenizer, text_encoder=self.prior.text_encoder)(text)
            }
        made = self.prior(
            **read,
            negative_prompt=negative,
            num_inference_steps=steps,
            guidance_scale=7.5,
            height=self.size,
            width=self.size,
            generator=torch.Generator("cpu").manual_seed(seed),
            output_type="np",
        ).images[0]
        return (made * 255).round().astype("uint8")

    def scene(self, item, class_name, seed):
        return self.make_prior(f"A photo of pure background without {class_name} on" + item, 20, seed, None)

    def swatch(self, item, seed):
        words = "clothes, objects, figures, shapes, symbols, letters, numbers, text, landscapes, scenes, animals, "
        words += "humans, artifacts, parts"
        text = f"a solid color texture of {item.split(':')[0]}, abstract, no objects, no figures, no shapes, "
        text += "minimalistic pattern, consistent texture, continuous surface"
        return self.make_prior(text, 15, seed, words)

    def background(self, image, mask, item, class_name, *, seed, prior_seed, ring, blur):
        scene = self.scene(item, class_name, prior_seed)
        grown = cv2.dilate(mask, np.ones((ring, ring), np.uint8))
        pasted = image.copy()
        pasted[grown == 0] = scene[grown == 0]
        soft = cv2.GaussianBlur(255.0 - mask, (blur, blur), 0)
        embeds, pooled = weigher(self.inpaint)(
            f"a high quality photo that pet {class_name} is harmonious on the {item}"
        )
        made = self.inpaint(
            prompt_embeds=embeds,
            pooled_prompt_embeds=pooled,
            image=self.tensor(pasted),
            mask_image=torch.from_numpy(soft)[None].float() / 255.0,
            height=self.size,
            width=self.size,
            guidance_scale=40.0,
            num_inference_steps=30,
            strength=0.99,
            generator=torch.Generator("cpu").manual_seed(seed),
            output_type="np",
        ).images[0]
        object_ = (mask / 255.0)[..., None]
        return (made * 255 * (1 - object_) + image.astype(np.float32) * object_).astype(np.uint8)

    def color(self, image, mask, item, class_name, rgb, *, seed, alpha, scale):
        blended = image.copy()
        inside = mask == 255
        blended[inside] = (image[inside].astype(np.float64) * (1 - alpha) + np.array(rgb, np.float64) * alpha).astype(
            np.uint8
        )
        text = f"a high quality photo of pet {class_name} with {item}, color change."
        made = self.two_stages(image, mask, blended, weigher(self.control)(text), seed, scale)
        object_ = (mask / 255.0)[..., None]
        return (made * 255 * object_ + image.astype(np.float32) * (1 - object_)).astype(np.uint8)

    def texture(self, image, mask, item, class_name, *, seed, prior_seed, corner, crop, alpha, scale):
        prior = self.swatch(item, prior_seed)
        top, left = corner
        large = cv2.resize(
            prior[top : top + crop, left : left + crop], (self.size, self.size), interpolation=cv2.INTER_CUBIC
        )
        sharp = cv2.filter2D(large, -1, np.array([[0, -1, 0], [-1, 5, -1], [0, -1, 0]]))
        inside = mask == 255
        blended = image.copy()
        mixed = image[inside].astype(np.float64) * (1 - alpha) + sharp[inside].astype(np.float64) * alpha
        blended[inside] = mixed.astype(np.uint8)
        text = f"a high quality photo of pet {class_name} with detailed {item}, surface texture change."
        made = self.two_stages(image, mask, blended, weigher(self.inpaint)(text), seed, scale)
        object_ = (mask / 255.0)[..., None]
        return made * 255 * object_ + image.astype(np.float32) * (1 - object_)

    def two_stages(self, image, mask, blended, text, seed, scale):
        embeds, pooled = text
        noise = torch.Generator("cpu").manual_seed(seed)
        first = self.inpaint(
            prompt_embeds=embeds,
            pooled_prompt_embeds=pooled,
            image=self.tensor(blended),
            mask_image=torch.from_numpy(mask)[None].float() / 255.0,
            height=self.size,
            width=self.size,
            guidance_scale=12.0,
            num_inference_steps=20,
            strength=0.3,
            generator=noise,
            output_type="np",
        ).images[0]
        inside = mask == 255
        seen = np.full((self.size, self.size, 3), 100, np.uint8)
        seen[inside] = (first * 255)[inside]
        white = np.full_like(image, 255)
        white[inside] = image[inside]
        low = int(max(0, 0.7 * np.median(cv2.blur(white, (5, 5)))))
        edges = cv2.Canny(np.ascontiguousarray(white[:, :, ::-1]), low, 255)
        self.control.set_ip_adapter_scale(scale)
        return self.control(
            prompt_embeds=embeds,
            pooled_prompt_embeds=pooled,
            image=[Image.fromarray(np.repeat(edges[..., None], 3, axis=2))],
            height=self.size,
            width=self.size,
            guidance_scale=7.5,
            num_inference_steps=25,
            ip_adapter_image=seen,
            generator=noise,
            output_type="np",
        ).images[0]

    def tensor(self, image):
        return torch.from_numpy(image.transpose(2, 0, 1)[None].astype(np.float32) / 255.0) * 2 - 1
