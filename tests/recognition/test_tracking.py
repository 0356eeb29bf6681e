"""The numbers that faces keep from frame to frame, and probabilities averaged over time."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moue.errors import MoueError
from moue.recognition.face_result import FaceResult
from moue.recognition.smoothing import Smoother
from moue.recognition.tracking import Tracker, likeness


def face(x, y=0.0, size=100.0, happy=0.5):
    emotion = "happy" if happy >= 0.5 else "sad"
    return FaceResult((x, y, size, size), emotion, max(happy, 1 - happy), {"happy": happy, "sad": 1 - happy})


# By name: for each frame its time, its faces and the numbers that they must get.
SEQUENCES = {
    "two who stay": [(0, [face(0), face(300)], [1, 2]), (0.1, [face(305), face(4)], [2, 1])],
    "first from left to right": [(0, [face(300), face(0)], [2, 1])],
    "too fast for boxes to overlap": [(0, [face(0)], [1]), (0.1, [face(115)], [1])],
    "too far to be the same": [(0, [face(0)], [1]), (0.1, [face(200)], [2])],
    "missed for less than a second": [(0, [face(0)], [1]), (0.5, [], []), (0.9, [face(9)], [1])],
    "away for longer": [(0, [face(0)], [1]), (1.5, [face(0)], [2])],
    "another size in the same place": [(0, [face(0, 0, 300)], [1]), (0.1, [face(100, 100, 90)], [2])],
    "one comes between": [(0, [face(0), face(300)], [1, 2]), (0.1, [face(0), face(150), face(300)], [1, 3, 2])],
    # Pairing each face greedily with its nearest would pair the left face wrongly.
    "all move to the right": [(0, [face(0), face(100)], [1, 2]), (0.1, [face(60), face(160)], [1, 2])],
    "a newcomer does not push the known one": [(0, [face(0)], [1]), (0.1, [face(5), face(90)], [1, 2])],
}


@pytest.mark.parametrize("name", SEQUENCES)
def test_faces_keep_their_numbers(name):
    tracker = Tracker()
    for time_s, faces, ids in SEQUENCES[name]:
        assert tracker.update(faces, time_s) == ids


boxes = st.tuples(*[st.floats(0, 600, width=16)] * 2, st.floats(8, 300, width=16))
frames = st.lists(st.lists(boxes, max_size=6, unique=True), max_size=6)


@given(frames, st.randoms(use_true_random=False))
def test_numbers_are_unique_and_do_not_depend_on_the_order(sequence, lots):
    one, other = Tracker(), Tracker()
    for number, frame in enumerate(sequence):
        faces = [face(*box) for box in frame]
        order = list(range(len(faces)))
        lots.shuffle(order)
        ids = one.update(faces, number / 25)
        assert len(set(ids)) == len(ids)
        assert all(track_id >= 1 for track_id in ids)
        assert other.update([faces[place] for place in order], number / 25) == [ids[place] for place in order]


@given(st.lists(boxes, min_size=1, max_size=5))
def test_a_box_is_most_similar_to_itself(found):
    array = np.array([(x, y, size, size) for x, y, size in found])
    alike = likeness(array, array)
    np.testing.assert_allclose(np.diag(alike), 2.0)
    assert alike.max() <= 2 + 1e-9
    np.testing.assert_allclose(alike, alike.T)


def test_decreasing_times_and_numbers_out_of_range_are_refused():
    tracker = Tracker()
    tracker.update([], 1.0)
    for call in (
        lambda: tracker.update([], 0.5),
        lambda: tracker.update([], float("nan")),
        lambda: Tracker(0),
        lambda: Smoother(-1),
        lambda: Smoother(float("inf")),
        lambda: Smoother(unsure_below=2),
        lambda: Smoother().update([face(0)], [], 0.0),
    ):
        with pytest.raises(MoueError):
            call()


def test_tracks_and_windows_do_not_grow():
    tracker, smoother = Tracker(), Smoother(0.5)
    for number in range(500):
        faces = [face(300 * (number % 7))]
        smoother.update(faces, tracker.update(faces, number / 5), number / 5)
    assert tracker.num_tracks > 100
    assert len(tracker._tracks) <= 7
    assert len(smoother) <= 3


def smoothed(window_s, values):
    smoother = Smoother(window_s, unsure_below=0.6)
    for time_s, happy in values:
        (last,) = smoother.update([face(0, happy=happy)], [7], time_s)
    return last


@pytest.mark.parametrize(
    ("window_s", "values", "happy"),
    [
        (0.5, [(0, 0.2)], 0.2),
        (0.5, [(0, 0.2), (0.1, 0.4)], 0.3),
        (0.5, [(0, 0.0), (0.1, 1.0), (0.2, 1.0)], 0.75),  # the ends count for half a step
        (0.5, [(0, 0.0), (0.4, 1.0), (0.5, 1.0)], 0.6),  # the longer step counts for more: 0.2 of 0.5 s are sad
        (0.5, [(0, 0.0), (1.0, 0.9)], 0.9),  # what lies before the window is forgotten
        (0.0, [(0, 0.0), (0.1, 0.9)], 0.9),
        (0.5, [(1, 0.0), (1, 1.0)], 0.5),
    ],
)
def test_the_mean_is_over_time(window_s, values, happy):
    last = smoothed(window_s, values)
    assert last.probabilities["happy"] == pytest.approx(happy)
    assert sum(last.probabilities.values()) == pytest.approx(1)


def test_the_prediction_is_that_of_the_mean():
    last = smoothed(1.0, [(0, 0.9), (0.1, 0.9), (0.2, 0.1)])
    assert (last.track_id, last.emotion, last.raw_emotion) == (7, "happy", "sad")
    assert (last.confidence, last.raw_confidence) == (pytest.approx(0.7), pytest.approx(0.9))
    assert not last.unsure
    assert smoothed(1.0, [(0, 0.9), (0.1, 0.2)]).unsure


@given(st.lists(st.tuples(st.floats(0, 0.3), st.floats(0, 1)), min_size=1, max_size=20), st.floats(0, 2))
def test_a_mean_lies_between_its_values(steps, window_s):
    times = np.cumsum([step for step, _ in steps]).tolist()
    values = [happy for _, happy in steps]
    last = smoothed(window_s, list(zip(times, values, strict=True)))
    assert min(values) - 1e-9 <= last.probabilities["happy"] <= max(values) + 1e-9
    assert sum(last.probabilities.values()) == pytest.approx(1)


def test_steps_too_small_for_weights_count_alike():
    # 5e-324 is the smallest number above 0; weights made from it did not sum to 1.
    last = smoothed(1.0, [(0.0, 0.3), (5e-324, 0.6), (1e-323, 0.9)])
    assert last.probabilities["happy"] == pytest.approx(0.6)
    assert sum(last.probabilities.values()) == pytest.approx(1)
