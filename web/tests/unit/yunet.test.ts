/** YuNet's arithmetic, with the cases of tests/faces/detectors/test_yunet.py. */

import { expect, test } from 'vitest';
import { type Face, turnBack } from '../../src/recognition/face';
import { partsNear } from '../../src/recognition/near';
import type { Network } from '../../src/recognition/network';
import { type RawImage, quarterTurned, toRgb } from '../../src/recognition/pixels';
import { plan, tiles } from '../../src/recognition/yunet';
import { YuNetNetwork, decode, suppress } from '../../src/recognition/yunet_network';
import { perSecond } from '../../src/ui/dom';

const face = (x: number, y: number, score: number): Face => ({ x, y, width: 10, height: 10, landmarks: null, score });

function emptyOutputs(height: number, width: number): Record<string, Float32Array> {
  const sizes = { cls: 1, obj: 1, bbox: 4, kps: 10 };
  return Object.fromEntries(
    [8, 16, 32].flatMap((stride) => {
      const cells = (height * width) / stride ** 2;
      return Object.entries(sizes).map(([kind, size]) => [`${kind}_${stride}`, new Float32Array(cells * size)]);
    }),
  );
}

test('decoding puts boxes where their cells are', () => {
  const outputs = emptyOutputs(64, 96);
  const cell = 2 * (96 / 16) + 3; // row 2, column 3 of stride 16
  outputs.cls_16![cell] = 0.81;
  outputs.obj_16![cell] = 1.7; // clipped to 1
  outputs.bbox_16!.set([0.5, 0.25, Math.log(2), Math.log(3)], cell * 4);
  outputs.kps_16!.set([0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9], cell * 10);
  const [found, ...others] = decode(outputs, 96, 0.5);
  expect(others).toEqual([]);
  [3.5 * 16 - 16, 2.25 * 16 - 24, 32, 48].forEach((value, k) => {
    expect([found!.x, found!.y, found!.width, found!.height][k]).toBeCloseTo(value, 3);
  });
  expect(found!.landmarks![4]![0]).toBeCloseTo((0.8 + 3) * 16, 3);
  expect(found!.landmarks![4]![1]).toBeCloseTo((0.9 + 2) * 16, 3);
  expect(found!.score).toBeCloseTo(0.9);
  expect(decode(outputs, 96, 0.91)).toEqual([]);
});

test('of overlapping boxes, the one with the highest score is kept', () => {
  const kept = suppress([face(0, 0, 0.9), face(1, 1, 0.8), face(20, 0, 0.7), face(0, 8, 0.6)], 0.3);
  expect(kept.map(({ score }) => score)).toEqual([0.9, 0.7, 0.6]);
});

test('the input is blue, green, red, and black beyond the image', async () => {
  let seen: Float32Array = new Float32Array();
  let shape: readonly number[] = [];
  const network: Network = {
    run: async (input, given) => {
      [seen, shape] = [input, given];
      return emptyOutputs(32, 64);
    },
  };
  const data = Uint8Array.from({ length: 33 * 2 * 3 }, (_, k) => (k % 3) + 1);
  expect(await new YuNetNetwork(network).faces({ width: 33, height: 2, channels: 3, data }, 0.5)).toEqual([]);
  expect(shape).toEqual([1, 3, 32, 64]);
  const plane = 32 * 64;
  expect([seen[0], seen[plane], seen[2 * plane]]).toEqual([3, 2, 1]);
  expect([seen[32], seen[33], seen[64 + 32], seen[2 * 64]]).toEqual([3, 0, 3, 0]);
});

test('the views are the same as in Python', () => {
  const sides = (height: number, width: number) =>
    plan(height, width).map(({ scale }) => Math.round(scale * Math.max(height, width)));
  expect(sides(48, 48)).toEqual([160]);
  expect(sides(480, 640)).toEqual([640, 192]);
  expect(sides(853, 1280)).toEqual([1280, 640, 192]);
  expect(sides(3000, 4000)).toEqual([2000, 640, 192]);
});

test.each([1, 160, 1536, 1537, 2912, 2913, 4000, 20_000])('tiles cover a side of %i pixels and overlap', (length) => {
  const parts = tiles(length);
  expect(Math.abs(parts[0]![0])).toBe(0);
  expect(parts.at(-1)![1]).toBe(length);
  parts.forEach(([start, stop], k) => {
    expect(stop - start).toBeGreaterThan(0);
    expect(stop - start).toBeLessThanOrEqual(1537);
    if (k > 0) expect(start + 158).toBeLessThanOrEqual(parts[k - 1]![1]);
  });
});

test('faces of a rotated image are mapped back to the upright one', () => {
  const image: RawImage = { width: 3, height: 2, channels: 1, data: Uint8Array.of(0, 1, 2, 3, 4, 5) };
  // np.rot90(np.arange(6).reshape(2, 3), turns)
  expect([1, 2, 3].map((turns) => [...quarterTurned(image, turns).data])).toEqual([
    [2, 5, 1, 4, 0, 3],
    [5, 4, 3, 2, 1, 0],
    [3, 0, 4, 1, 5, 2],
  ]);
  const wide = { ...face(0, 0, 0.9), width: 1, height: 2, landmarks: [[0, 2]] as const };
  const cases = [[0, 0, 0, 1, 2], [1, 28, 0, 2, 1], [2, 29, 18, 1, 2], [3, 0, 19, 2, 1]] as const;
  for (const [turns, x, y, width, height] of cases) {
    const back = turnBack(wide, turns, 20, 30);
    expect([back.x, back.y, back.width, back.height]).toEqual([x, y, width, height]);
  }
  expect(turnBack(wide, 1, 20, 30).landmarks).toEqual([[28, 0]]);
});

test('gray becomes three equal channels', () => {
  const gray: RawImage = { width: 2, height: 1, channels: 1, data: Uint8Array.of(7, 9) };
  expect([...toRgb(gray).data]).toEqual([7, 7, 7, 9, 9, 9]);
});

test('the part near a face lies inside the image', () => {
  const image: RawImage = { width: 100, height: 80, channels: 1, data: new Uint8Array(8000) };
  const large = { ...face(0, 0, 0.9), width: 40, height: 40 };
  const [part, ...others] = partsNear(image, [large, face(-40, -40, 0.9)]);
  expect(others).toEqual([]);
  expect([part!.left, part!.top, part!.part.width, part!.part.height, part!.size]).toEqual([0, 0, 64, 64, 40]);
});

test('a rate of one frame is singular', () => {
  expect([0.8, 1.2, 1.6, 24.7].map(perSecond)).toEqual(['1 frame/s', '1 frame/s', '2 frames/s', '25 frames/s']);
});
