"""Real architectures at tiny sizes with random weights, each saved as a diffusers folder."""

import string
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from diffusers import (
    AutoencoderKL,
    AutoencoderTiny,
    DiffusionPipeline,
    DPMSolverMultistepScheduler,
    EulerDiscreteScheduler,
    FlowMatchEulerDiscreteScheduler,
    FluxPipeline,
    FluxTransformer2DModel,
    SD3Transformer2DModel,
    StableDiffusion3Pipeline,
    StableDiffusionPipeline,
    StableDiffusionXLPipeline,
    UNet2DConditionModel,
)
from transformers import (
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    CLIPTokenizer,
    T5Config,
    T5EncoderModel,
    T5Tokenizer,
)

from gateway.engine.registry import Family

TEXT_LENGTH = 16
WIDTH = 32


def clip_tokenizer() -> CLIPTokenizer:
    """Spells words letter by letter."""
    letters = list(string.ascii_lowercase + string.digits + ",.")
    words = ["<|startoftext|>", "<|endoftext|>", *letters, *(f"{letter}</w>" for letter in letters)]
    return CLIPTokenizer(vocab={word: n for n, word in enumerate(words)}, merges=[], model_max_length=TEXT_LENGTH)


def t5_tokenizer() -> T5Tokenizer:
    words = ["<pad>", "</s>", "<unk>", "▁", *string.ascii_lowercase]
    return T5Tokenizer(vocab=[(word, -float(n)) for n, word in enumerate(words)], extra_ids=0)


def clip_config(**changes: Any) -> CLIPTextConfig:
    return CLIPTextConfig(
        vocab_size=128,
        hidden_size=WIDTH,
        intermediate_size=37,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=TEXT_LENGTH,
        projection_dim=WIDTH,
        bos_token_id=0,
        eos_token_id=1,
        pad_token_id=1,
        **changes,
    )


def autoencoder(channels: int = 4) -> AutoencoderKL:
    return AutoencoderKL(
        block_out_channels=[8, 16],
        down_block_types=["DownEncoderBlock2D"] * 2,
        up_block_types=["UpDecoderBlock2D"] * 2,
        latent_channels=channels,
        norm_num_groups=8,
        use_quant_conv=channels == 4,
        use_post_quant_conv=channels == 4,
        shift_factor=0.0,
    )


def unet(**changes: Any) -> UNet2DConditionModel:
    settings: dict[str, Any] = {
        "block_out_channels": (16, 32),
        "layers_per_block": 1,
        "sample_size": 32,
        "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"),
        "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D"),
        "cross_attention_dim": WIDTH,
        "norm_num_groups": 8,
    }
    return UNet2DConditionModel(**settings | changes)


def euler() -> EulerDiscreteScheduler:
    return EulerDiscreteScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", steps_offset=1)


def stable_diffusion() -> StableDiffusionPipeline:
    return StableDiffusionPipeline(
        vae=autoencoder(),
        text_encoder=CLIPTextModel(clip_config()),
        tokenizer=clip_tokenizer(),
        unet=unet(),
        scheduler=euler(),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def pocket() -> StableDiffusionPipeline:
    """Shaped as the model that ships."""
    return StableDiffusionPipeline(
        vae=AutoencoderTiny(
            encoder_block_out_channels=(8, 8),
            decoder_block_out_channels=(8, 8),
            num_encoder_blocks=(1, 1),
            num_decoder_blocks=(1, 1),
            latent_channels=4,
            upsampling_scaling_factor=2,
        ),
        text_encoder=CLIPTextModel(clip_config()),
        tokenizer=clip_tokenizer(),
        unet=unet(addition_embed_type="text", addition_embed_type_num_heads=4, encoder_hid_dim=None),
        scheduler=DPMSolverMultistepScheduler(prediction_type="flow_prediction", use_flow_sigmas=True),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def stable_diffusion_xl() -> StableDiffusionXLPipeline:
    return StableDiffusionXLPipeline(
        vae=autoencoder(),
        text_encoder=CLIPTextModel(clip_config(hidden_act="gelu")),
        text_encoder_2=CLIPTextModelWithProjection(clip_config(hidden_act="gelu")),
        tokenizer=clip_tokenizer(),
        tokenizer_2=clip_tokenizer(),
        unet=unet(
            attention_head_dim=(2, 4),
            use_linear_projection=True,
            addition_embed_type="text_time",
            addition_time_embed_dim=8,
            projection_class_embeddings_input_dim=6 * 8 + WIDTH,
            cross_attention_dim=2 * WIDTH,
        ),
        scheduler=euler(),
        add_watermarker=False,
    )


def stable_diffusion_3() -> StableDiffusion3Pipeline:
    return StableDiffusion3Pipeline(
        transformer=SD3Transformer2DModel(
            sample_size=32,
            patch_size=1,
            in_channels=4,
            num_layers=1,
            attention_head_dim=8,
            num_attention_heads=4,
            joint_attention_dim=2 * WIDTH,
            caption_projection_dim=32,
            pooled_projection_dim=2 * WIDTH,
            out_channels=4,
            pos_embed_max_size=64,
        ),
        scheduler=FlowMatchEulerDiscreteScheduler(),
        vae=autoencoder(),
        text_encoder=CLIPTextModelWithProjection(clip_config(hidden_act="gelu")),
        tokenizer=clip_tokenizer(),
        text_encoder_2=CLIPTextModelWithProjection(clip_config(hidden_act="gelu")),
        tokenizer_2=clip_tokenizer(),
        text_encoder_3=None,
        tokenizer_3=None,
    )


def flux() -> FluxPipeline:
    return FluxPipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True),
        vae=autoencoder(),
        text_encoder=CLIPTextModel(clip_config()),
        tokenizer=clip_tokenizer(),
        text_encoder_2=T5EncoderModel(
            T5Config(vocab_size=64, d_model=WIDTH, d_kv=8, d_ff=37, num_layers=1, num_heads=4, decoder_start_token_id=0)
        ),
        tokenizer_2=t5_tokenizer(),
        transformer=FluxTransformer2DModel(
            patch_size=1,
            in_channels=16,
            num_layers=1,
            num_single_layers=1,
            attention_head_dim=16,
            num_attention_heads=2,
            joint_attention_dim=WIDTH,
            pooled_projection_dim=WIDTH,
            axes_dims_rope=(4, 4, 8),
            guidance_embeds=True,
        ),
    )


# Family of the registry and builder of each tiny model.
TINY: dict[str, tuple[Family, Callable[[], DiffusionPipeline]]] = {
    "stable-diffusion": ("stable-diffusion", stable_diffusion),
    "pocket": ("stable-diffusion", pocket),
    "stable-diffusion-xl": ("stable-diffusion-xl", stable_diffusion_xl),
    "stable-diffusion-3": ("stable-diffusion-3", stable_diffusion_3),
    "flux": ("flux", flux),
}


def save(name: str, folder: Path) -> Path:
    """A folder with one of the tiny models; the same weights every time."""
    torch.manual_seed(0)
    TINY[name][1]().save_pretrained(folder, safe_serialization=True)
    return folder
