/** Steps of recognition that the comparison with Python does not cover, or covers only by chance. */

import { expect, test } from 'vitest';
import { assign } from '../../src/recognition/assignment';
import { scales } from '../../src/recognition/own';
import { merge } from '../../src/recognition/face';
import { roundHalfEven, toGray } from '../../src/recognition/pixels';
import { bilinear, reduce, resize } from '../../src/recognition/resize';
import { Smoother } from '../../src/recognition/smoothing';
import { Timeline, minutes } from '../../src/recognition/timeline';
import { Tracker } from '../../src/recognition/tracking';

const gray = (width: number, height: number, ...data: number[]) =>
  ({ width, height, channels: 1, data: Uint8Array.from(data) }) as const;

test('halves are rounded to even, as in Python', () => {
  expect([0.5, 1.5, 2.5, 2.4, 2.6].map(roundHalfEven)).toEqual([0, 2, 2, 2, 3]);
});

test('gray is Rec. 601, and gray stays the same', () => {
  const data = Uint8Array.from([255, 0, 0, 0, 255, 0, 0, 0, 255, 77, 77, 77]);
  expect([...toGray({ width: 4, height: 1, channels: 3, data }).data]).toEqual([76, 150, 29, 77]);
});

test('resizing and reducing agree with Pillow', () => {
  // Image.fromarray(np.array([[0, 100, 200, 50]], np.uint8)).resize((2, 1), BILINEAR) and .reduce((3, 1))
  expect([...resize(gray(4, 1, 0, 100, 200, 50), 2, 1, bilinear, 2).data]).toEqual([71, 121]);
  expect([...reduce(gray(4, 1, 0, 100, 200, 50), 3, 1).data]).toEqual([100, 50]);
});

test('a photo is searched at the same scales as in Python', () => {
  expect(scales(480, 640).map((scale) => Math.round(scale * 640))).toEqual([448, 269, 161, 97, 58]);
  expect(scales(50, 80)[0]).toBe(2);
  expect(scales(1500, 2000)[0]).toBeCloseTo(0.544);
});

test('of several boxes of a face, the one with the highest score is kept', () => {
  const box = { x: 0, y: 0, width: 10, height: 10, landmarks: null };
  const kept = merge([{ ...box, score: 0.8 }, { ...box, x: 1, score: 0.9 }, { ...box, x: 40, score: 0.7 }]);
  expect(kept.map((face) => face.score)).toEqual([0.9, 0.7]);
});

test('pairs maximise the sum of their values, not each value', () => {
  expect(assign([[9, 8], [8, 1]])).toEqual([[0, 1], [1, 0]]);
  expect(assign([[1], [5], [3]])).toEqual([[1, 0]]);
  expect(assign([])).toEqual([]);
});

test('people keep their numbers, and return as new people after a second', () => {
  const tracker = new Tracker();
  expect(tracker.update([[200, 0, 50, 50], [0, 0, 50, 50]], 0)).toEqual([2, 1]);
  expect(tracker.update([[5, 0, 50, 50], [205, 0, 50, 50]], 0.1)).toEqual([1, 2]);
  for (const time of [0.5, 0.9, 1.3]) tracker.update([], time);
  expect(tracker.update([[5, 0, 50, 50]], 1.7)).toEqual([3]);
});

test('the mean over half a second is over time, not over frames', () => {
  const smoother = new Smoother();
  smoother.update([{ happy: 0 }], [1], 0);
  smoother.update([{ happy: 0 }], [1], 0.4);
  const [mean] = smoother.update([{ happy: 1 }], [1], 0.5);
  expect(mean!.happy).toBeCloseTo(0.1);
  expect(smoother.update([{ happy: 1 }], [1], 9)[0]).toEqual({ happy: 1 });
});

test('a timeline of hours has at most 600 bins', () => {
  const timeline = new Timeline(['happy', 'sad']);
  const face = { box: [0, 0, 1, 1], probabilities: { happy: 1, sad: 0 }, track_id: 1 };
  for (let time = 0; time < 7200; time += 1) timeline.add({ faces: [face], time_s: time } as never);
  const [person] = timeline.people();
  expect(person!.bins.size).toBeLessThanOrEqual(600);
  expect(person!.frames).toBe(7200);
  expect(timeline.mean(person!)).toEqual([1, 0]);
  expect([minutes(65), minutes(7200)]).toEqual(['1:05', '2:00:00']);
});
