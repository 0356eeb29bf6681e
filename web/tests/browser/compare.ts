/** Runs images through the page and compares the results with Python's. */

import { readFileSync } from 'node:fs';
import type { Page } from 'playwright-core';
import { expect } from 'vitest';
import { type Result, columns } from '../../src/results/tables';
import { ready, visit } from './browser';
import { startHost } from './host';

/** Engine and pixel limit: Chromium's software GPU is very slow, so it gets only the smallest images. */
export const ENGINES = [
  ['wasm', Infinity],
  ['webgpu', 25_000],
] as const;

const READY_MS = 200_000;

const MAX_PIXEL_DIFFERENCE = 1;
const MAX_PROBABILITY_DIFFERENCE = 0.01;

/** The content of a file saved from the download menu. */
export async function saved(page: Page, kind: 'csv' | 'json'): Promise<string> {
  await page.click('#download');
  const [download] = await Promise.all([page.waitForEvent('download'), page.click(`#save-${kind}`)]);
  return readFileSync(await download.path(), 'utf8');
}

/**
 * Visit a page with an engine and expect Python's results; returns the rows of the table.
 *
 * @param pathOf Returns the path of a file.
 */
export async function expectAgreement(
  site: string,
  engine: string,
  expected: readonly Result[],
  pathOf: (file: string) => string,
): Promise<string[]> {
  const host = await startHost(site);
  const flags = engine === 'webgpu' ? ['--enable-unsafe-webgpu'] : [];
  const { page, errors, end } = await visit(`${host.address}?engine=${engine}`, { flags });
  await ready(page, READY_MS);
  expect(await page.evaluate(() => document.documentElement.dataset.engine)).toBe(`ready ${engine} 1`);
  const rows = await compare(page, engine, expected.map(({ file }) => pathOf(file)), expected);
  expect(errors).toEqual([]);
  await end();
  await host.close();
  return rows;
}

/** Open the files and expect Python's results; logs the largest differences and returns the rows of the table. */
async function compare(page: Page, engine: string, files: string[], expected: readonly Result[]): Promise<string[]> {
  await page.setInputFiles('#files', files);
  await page.waitForFunction(
    (count) => document.querySelectorAll('.dot.named, .dot.none, .dot.bad').length === count,
    expected.length,
    { timeout: 240_000 },
  );
  const { results } = JSON.parse(await saved(page, 'json')) as { results: Result[] };
  expect(results).toHaveLength(expected.length);
  let [pixels, probability] = [0, 0];
  const comparePixels = (one: number, other: number) => (pixels = Math.max(pixels, Math.abs(one - other)));
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
      face.box.forEach((value, side) => comparePixels(value, here.box[side]!));
      expect(here.landmarks?.length).toBe(face.landmarks?.length);
      face.landmarks?.forEach((point, at) =>
        point.forEach((value, side) => comparePixels(value, here.landmarks![at]![side]!)),
      );
      for (const [emotion, value] of Object.entries(face.probabilities)) {
        probability = Math.max(probability, Math.abs(value - here.probabilities[emotion]!));
      }
    }
  }
  const faces = expected.reduce((sum, result) => sum + result.faces.length, 0);
  const counts = `${engine}, ${expected[0]!.detector}: ${expected.length} images, ${faces} faces`;
  console.log(`${counts}; largest difference ${pixels.toFixed(3)} pixels, probability ${probability.toFixed(5)}`);
  expect(faces).toBeGreaterThan(4);
  expect(pixels).toBeLessThan(MAX_PIXEL_DIFFERENCE);
  expect(probability).toBeLessThan(MAX_PROBABILITY_DIFFERENCE);
  const rows = (await saved(page, 'csv')).trim().split('\n');
  expect(rows[0]).toBe(columns(Object.keys(expected.find(({ faces }) => faces[0])!.faces[0]!.probabilities)).join(','));
  expect(rows).toHaveLength(1 + expected.reduce((sum, result) => sum + Math.max(1, result.faces.length), 0));
  return rows;
}
