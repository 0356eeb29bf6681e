"""Annotated videos keep the sound of the original, in sync with the frames, in formats that browsers play."""

import numpy as np
import pytest

from helpers.video_files import sound_of, two_squares, video_with_sound
from moue.media.clock import Sampling
from moue.media.decode import Status
from moue.media.open_video import open_video
from moue.output.video_writer import AnnotatedVideo
from moue.recognition.frame_result import FrameResult

av = pytest.importorskip("av", reason="sound needs the extra 'sound'")
pytest.importorskip("cv2", reason="videos need the extra 'video'")


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    """One second, with a tone from 0.25 to 0.75 s."""
    return video_with_sound(tmp_path_factory.mktemp("video") / "video.mp4", 25)


def draw(source, out, times=None, sampling=None):
    """Draw frames without faces, at their own times or at the given ones."""
    with open_video(source) as original, AnnotatedVideo(out, fps=25, sound=original.path) as drawn:
        for number, frame in enumerate(original.frames(sampling)):
            time_s = frame.time_s if times is None else times[number]
            drawn.add(frame.image, FrameResult("f", Status.NO_FACE, 160, 120, frame=frame.number, time_s=time_s))


def tone_of(path):
    """Return when the tone begins and ends, in seconds."""
    sound = np.abs(sound_of(path))
    level = sound[: len(sound) // 480 * 480].reshape(-1, 480).max(axis=1)
    loud = np.flatnonzero(level > 0.1)
    return loud[0] / 100, (loud[-1] + 1) / 100


@pytest.mark.parametrize(("suffix", "codecs"), [(".webm", ("vp8", "opus")), (".mp4", ("h264", "aac"))])
def test_frames_and_sound_of_an_annotated_video(video, tmp_path, suffix, codecs):
    out = tmp_path / f"drawn{suffix}"
    draw(video, out)
    with av.open(str(out)) as container:
        stream, sound = container.streams.video[0], container.streams.audio[0]
        sound_codec = {"libopus": "opus"}.get(sound.codec_context.name, sound.codec_context.name)
        assert (stream.codec_context.name, sound_codec) == codecs
        assert stream.codec_context.pix_fmt == "yuv420p"
        assert container.duration / 1e6 == pytest.approx(1, abs=0.06)
        frames = list(container.decode(video=0))
    assert len(frames) == 25
    assert [frame.time for frame in frames] == pytest.approx([number / 25 for number in range(25)], abs=0.002)
    assert tone_of(out) == pytest.approx((0.25, 0.75), abs=0.04)


def test_the_sound_fits_sampled_frames_and_interrupted_videos(video, tmp_path):
    draw(video, tmp_path / "few.webm", sampling=Sampling(every=6))
    assert tone_of(tmp_path / "few.webm") == pytest.approx((0.25, 0.75), abs=0.04)
    with pytest.raises(IndexError):
        draw(video, tmp_path / "stopped.mp4", times=[number / 25 for number in range(12)])
    assert tone_of(tmp_path / "stopped.mp4") == pytest.approx((0.25, 0.48), abs=0.06)
    assert len(sound_of(tmp_path / "stopped.mp4")) / 48_000 == pytest.approx(0.48, abs=0.06)


def test_the_sound_begins_with_the_first_frame(video, tmp_path):
    draw(video, tmp_path / "late.webm", times=[0.1 + number / 25 for number in range(25)])
    assert tone_of(tmp_path / "late.webm") == pytest.approx((0.15, 0.65), abs=0.04)


def test_a_silent_video_stays_silent(tmp_path):
    draw(two_squares(tmp_path / "silent.avi", 5), tmp_path / "drawn.mp4")
    with av.open(str(tmp_path / "drawn.mp4")) as container:
        assert [stream.type for stream in container.streams] == ["video"]
