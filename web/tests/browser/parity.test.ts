/** Forty images through Python and the page: scripts/page_parity.py wrote them and what `moue.analyze` says. */

import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { columns, type Result } from '../../src/results/tables';
import { PAGE, isThere, ready, visit } from './browser';
import { startHost } from './host';

const MATERIAL = resolve(import.meta.dirname, '../../build/parity');
const MOST_PIXELS = 1;
const MOST_PROBABILITY = 0.01;

/** Chromium's software imitation of a graphics processor is very slow: the smallest images have to do. */
const ENGINES = [
  ['wasm', Infinity],
  ['webgpu', 25_000],
] as const;

test.skipIf(!isThere || !existsSync(MATERIAL)).each(ENGINES)('Python and the page agree: %s', async (engine, mostPixels) => {
  const all = JSON.parse(readFileSync(join(MATERIAL, 'expected.json'), 'utf8')) as Result[];
  const expected = all.filter(({ width, height }) => width * height < mostPixels);
  const host = await startHost(PAGE);
  const flags = engine === 'webgpu' ? ['--enable-unsafe-webgpu'] : [];
  const { page, errors, end } = await visit(`${host.address}?engine=${engine}`, { flags });
  await ready(page);
  expect(await page.evaluate(() => document.documentElement.dataset.engine)).toBe(`ready ${engine} 1`);
  await page.setInputFiles('#files', expected.map(({ file }) => join(MATERIAL, file)));
  await page.waitForFunction(
    (count) => document.querySelectorAll('.dot.named, .dot.none, .dot.bad').length === count,
    expected.length,
    { timeout: 240_000 },
  );
  const saved = async (kind: string) => {
    await page.click('#download');
    const [download] = await Promise.all([page.waitForEvent('download'), page.click(`#save-${kind}`)]);
    return readFileSync(await download.path(), 'utf8');
  };
  const { results } = JSON.parse(await saved('json')) as { results: Result[] };
  expect(results).toHaveLength(expected.length);
  let [pixels, probability] = [0, 0];
  for (const [k, python] of expected.entries()) {
    const ours = results[k]!;
    expect(Object.keys(ours)).toEqual(Object.keys(python));
    expect([ours.file, ours.status, ours.width, ours.height, ours.detector, ours.faces.length]).toEqual(
      [python.file, python.status, python.width, python.height, python.detector, python.faces.length],
    );
    for (const [number, face] of python.faces.entries()) {
      const here = ours.faces[number]!;
      expect(Object.keys(here).sort()).toEqual(Object.keys(face).sort());
      expect(Object.keys(here.probabilities)).toEqual(Object.keys(face.probabilities));
      face.box.forEach((value, side) => (pixels = Math.max(pixels, Math.abs(value - here.box[side]!))));
      for (const [name, value] of Object.entries(face.probabilities)) {
        probability = Math.max(probability, Math.abs(value - here.probabilities[name]!));
      }
    }
  }
  const faces = expected.reduce((sum, one) => sum + one.faces.length, 0);
  console.log(`${engine}: ${expected.length} images, ${faces} faces; largest difference ${pixels.toFixed(3)} pixels, probability ${probability.toFixed(5)}`);
  expect(faces).toBeGreaterThan(4);
  expect(pixels).toBeLessThan(MOST_PIXELS);
  expect(probability).toBeLessThan(MOST_PROBABILITY);
  const rows = (await saved('csv')).trim().split('\n');
  expect(rows[0]).toBe(columns(Object.keys(expected.find((one) => one.faces[0])!.faces[0]!.probabilities)).join(','));
  expect(rows).toHaveLength(1 + expected.reduce((sum, one) => sum + Math.max(1, one.faces.length), 0));
  expect(errors).toEqual([]);
  await end();
  await host.close();
}, 300_000);
