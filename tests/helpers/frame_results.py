"""Made-up results of frames."""

from moue.media.decode import Status
from moue.recognition.face_result import FaceResult, TrackedFace
from moue.recognition.frame_result import FrameResult


def result_at(time_s, *people, width=64, height=48, unsure_below=0.5):
    """Return the result of a frame at `time_s`; `people` are pairs of a number and the probability of happy, 0-1."""
    faces = []
    for track_id, happy in people:
        face = FaceResult((9.0, 9.0, 20.0, 20.0), "happy", happy, {"happy": happy, "sad": 1 - happy})
        faces.append(TrackedFace.of_track(face, track_id, face.probabilities, unsure_below))
    return FrameResult("video.mp4", Status.OK, width, height, tuple(faces), frame=round(time_s * 25), time_s=time_s)
