/** CSV and JSON, and the sizes stated in image headers. */

import { expect, test } from 'vitest';
import { headerSize } from '../../src/media/header';
import { type Result, columns, toCsv, toJson } from '../../src/results/tables';

const NAMES = ['happy', 'sad'];
const RESULT: Result = {
  file: '=party, "1".jpg',
  status: 'ok',
  width: 640,
  height: 480,
  detector: 'own',
  message: '',
  timings: { detection_ms: 1.234, preprocess_ms: 0, inference_ms: 2 },
  faces: [
    {
      box: [1, 2.5, 30, 40],
      emotion: 'happy',
      confidence: 0.75,
      probabilities: { happy: 0.75, sad: 0.25 },
      unsure: false,
      landmarks: null,
      face_score: 0.9,
    },
  ],
};

test('a row has the columns of Python, and no cell is a formula', () => {
  const [head, row] = toCsv([RESULT], NAMES).split('\n');
  expect(head).toBe(columns(NAMES).join(','));
  const faceCells = '0,1.00,2.50,30.00,40.00,0.900000,happy,0.750000,false,0.750000,0.250000';
  expect(row).toBe(`"./=party, ""1"".jpg",ok,640,480,1,own,${faceCells},,,,`);
});

test('an image without a face has one row too', () => {
  const empty = { ...RESULT, file: 'a.jpg', status: 'no_face', faces: [], message: 'no face was found' };
  expect(toCsv([empty], NAMES).split('\n')[1]).toBe('a.jpg,no_face,640,480,0,own,,,,,,,,,,,,no face was found,,,');
});

test('JSON has format, version, classes and results', () => {
  const read = JSON.parse(toJson([RESULT, RESULT], NAMES));
  expect([read.format, read.version, read.class_names]).toEqual(['moue-results', 1, NAMES]);
  expect(read.results).toHaveLength(2);
  expect(read.results[0].faces[0].box).toEqual([1, 2.5, 30, 40]);
  expect(JSON.parse(toJson([], NAMES)).results).toEqual([]);
});

test('headers state the size', () => {
  const png = new Uint8Array(24);
  png.set([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  new DataView(png.buffer).setUint32(16, 40000);
  new DataView(png.buffer).setUint32(20, 30000);
  expect(headerSize(png)).toEqual([40000, 30000]);
  const jpeg = Uint8Array.from([0xff, 0xd8, 0xff, 0xe0, 0, 4, 0, 0, 0xff, 0xc0, 0, 11, 8, 0x01, 0x00, 0x02, 0x00]);
  expect(headerSize(jpeg)).toEqual([512, 256]);
  expect(headerSize(jpeg.subarray(0, 9))).toBeNull();
  expect(headerSize(new TextEncoder().encode('hello'))).toBeNull();
});
