"""Animated GIF, WebP and PNG as videos: frames, times, damage."""

import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from moue.media.animation import is_animation
from moue.media.decode import Status, decode
from moue.media.open_video import open_video
from moue.predict.jobs import drawing_jobs

pytest.importorskip("cv2", reason="videos need the extra 'video'")
LEVELS = (20, 90, 160, 230)
KINDS = ("gif", "webp", "png")


def save(path, levels=LEVELS, **options):
    frames = [Image.new("RGB", (64, 48), (level, level // 2, 0)) for level in levels]
    frames[0].save(path, save_all=True, append_images=frames[1:], **{"duration": 200, "lossless": True} | options)
    return path


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
@pytest.mark.parametrize("kind", KINDS)
def test_a_named_pipe_is_not_an_animation(tmp_path, kind):
    path = tmp_path / f"pipe.{kind}"
    os.mkfifo(path)
    code = f"from moue.media.animation import is_animation; print(is_animation({str(path)!r}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert done.stdout == "False\n"


@pytest.mark.parametrize("kind", KINDS)
def test_every_frame_comes_with_its_time_and_color(tmp_path, kind):
    path = save(tmp_path / f"a.{kind}", duration=[200, 400, 100, 100])
    assert is_animation(path)
    with open_video(path) as video:
        assert (video.num_frames, video.width, video.height, video.fps) == (4, 64, 48, 5)
        frames = list(video.frames())
        assert video.problem == ""
    assert [round(frame.time_s, 3) for frame in frames] == [0.0, 0.2, 0.6, 0.7]
    for frame, level in zip(frames, LEVELS, strict=True):
        assert frame.image.shape == (48, 64, 3)
        np.testing.assert_allclose(frame.image[20, 30], (level, level // 2, 0), atol=2)


@pytest.mark.parametrize("kind", KINDS)
def test_a_single_frame_is_an_image(tmp_path, kind):
    assert not is_animation(save(tmp_path / f"a.{kind}", LEVELS[:1]))
    assert not drawing_jobs([tmp_path / f"a.{kind}"], None)[0].is_video


def test_transparent_pixels_are_white(tmp_path):
    frames = [Image.new("RGBA", (32, 32), (0, 0, 0, 0)), Image.new("RGBA", (32, 32), (255, 0, 0, 255))]
    frames[0].save(tmp_path / "a.webp", save_all=True, append_images=frames[1:], lossless=True)
    with open_video(tmp_path / "a.webp") as video:
        first, second = (frame.image for frame in video.frames())
    assert first.min() == 255
    assert second[5, 5].tolist() == [255, 0, 0]


def test_files_without_durations_run_at_ten_frames_per_second(tmp_path):
    with open_video(save(tmp_path / "a.gif", duration=0)) as video:
        assert video.fps == 10
        assert [round(frame.time_s, 1) for frame in video.frames()] == [0.0, 0.1, 0.2, 0.3]


def test_a_truncated_file_is_reported(tmp_path):
    random = np.random.default_rng(0)
    frames = [Image.fromarray(random.integers(0, 256, (48, 64), dtype=np.uint8)) for _ in range(9)]
    frames[0].save(tmp_path / "a.png", save_all=True, append_images=frames[1:], duration=100)
    content = (tmp_path / "a.png").read_bytes()
    (tmp_path / "cut.png").write_bytes(content[: len(content) // 2])
    with open_video(tmp_path / "cut.png") as video:
        assert 1 <= len(list(video.frames())) < 9
        assert "of 9 frames" in video.problem


@pytest.mark.parametrize("content", [b"", b"GIF89a", b"\x89PNG\r\n\x1a\n", b"RIFF\0\0\0\0WEBP"])
def test_damaged_files_are_left_to_the_decoder(tmp_path, content):
    path = tmp_path / "a.gif"
    path.write_bytes(content)
    assert not is_animation(path)
    assert not is_animation(tmp_path / "gone.gif")


def test_without_opencv_the_first_frame_is_an_image(tmp_path, monkeypatch):
    path = save(tmp_path / "a.gif")
    monkeypatch.setattr("moue.media.animation.importlib.util.find_spec", lambda _: None)
    assert not is_animation(path)
    found = decode(path)
    assert (found.status, found.message) == (Status.OK, "holds several images: the first was taken")
